import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { noAliases, targetOf, withMoves, type Move } from '../../../lib/names/aliases.ts'

test('aliases point where they were moved last, however many moves there were', () => {
  const names = Array.from({ length: 600 }, (_, i) => `alias-${i}`)
  const move: fc.Arbitrary<Move> = fc.tuple(
    fc.constantFrom(...names),
    fc.option(fc.constantFrom('here', 'there'), { nil: undefined }),
  )
  fc.assert(
    fc.property(fc.array(fc.array(move, { maxLength: 400 }), { maxLength: 8 }), (rounds) => {
      let aliases = noAliases
      const expected = new Map<string, string | undefined>()
      for (const moves of rounds) {
        aliases = withMoves(aliases, moves)
        for (const [alias, image] of moves) expected.set(alias, image)
      }
      for (const name of names) expect(targetOf(aliases, name)).toBe(expected.get(name))
    }),
    { numRuns: 30 },
  )
})

test('a move leaves those as they were from which it was made', () => {
  const before = withMoves(noAliases, [['lts', 'old']])
  const after = withMoves(before, [['lts', 'new']])
  const deleted = withMoves(after, [['lts', undefined]])
  expect([before, after, deleted].map((aliases) => targetOf(aliases, 'lts'))).toEqual([
    'old',
    'new',
    undefined,
  ])
})
