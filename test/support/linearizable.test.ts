import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { faultsOf, type Operation, type Seen } from './linearizable.ts'

/** Operations on one alias, each with the times of its start and end. */
const history = (...operations: readonly (readonly [number, number, Seen])[]): Operation[] =>
  operations.map(([start, end, seen]) => ({ alias: 'a', start, end, ...seen }))

const move = (version: number, image: string, more = {}): Seen => ({
  did: 'move',
  version,
  image,
  ...more,
})
const read = (version: number, image: string): Seen => ({ did: 'read', version, image })
const resolve = (image: string, generation = 1n): Seen => ({ did: 'resolve', image, generation })
const lose = (expected: number): Seen => ({ did: 'lose', expected })
const back = { back: true } as const

describe('a history is linearizable', () => {
  test.each<[string, Operation[]]>([
    ['when nothing happened', []],
    ['when one came after the other', history([1, 2, move(1, 'x')], [3, 4, read(1, 'x')])],
    [
      'when one that went on meanwhile saw the old or the new',
      history(
        [1, 2, move(1, 'x')],
        [3, 10, move(2, 'y')],
        [4, 5, read(1, 'x')],
        [6, 7, read(2, 'y')],
        [4, 11, resolve('x', 2n)],
      ),
    ],
    [
      'when the later of two that overlap took effect first',
      history([1, 10, move(2, 'x')], [2, 9, move(1, 'y')]),
    ],
    [
      'when one lost to another that went on meanwhile',
      history([1, 2, move(1, 'x')], [3, 9, move(2, 'y')], [4, 5, lose(1)]),
    ],
    [
      'when an image comes again and the later of its two versions explains what was seen',
      history(
        [1, 2, move(1, 'x')],
        [3, 4, move(2, 'y')],
        [5, 9, move(3, 'x')],
        [6, 7, resolve('x', 3n)],
        [8, 10, read(3, 'x')],
      ),
    ],
    [
      'when it goes back and forth',
      history(
        [1, 2, { did: 'miss' }],
        [3, 4, move(1, 'x')],
        [5, 6, { did: 'stay' }],
        [7, 8, move(2, 'y', { expected: 1 })],
        [9, 10, move(3, 'x', back)],
        [11, 12, move(4, 'y', back)],
      ),
    ],
  ])('%s', (_, operations) => {
    expect(faultsOf(operations)).toEqual([])
  })
})

describe('a history is not linearizable', () => {
  const made = [1, 2, move(1, 'x')] as const
  const moved = [3, 4, move(2, 'y')] as const

  test.each<[string, Operation[]]>([
    ['when two moves make one version', history(made, [3, 4, move(1, 'y')])],
    ['when a version is skipped', history(made, [3, 4, move(3, 'y')])],
    ['when later moves make earlier versions', history([1, 2, move(2, 'x')], [3, 4, move(1, 'y')])],
    ['when an old version is read', history(made, moved, [5, 6, read(1, 'x')])],
    [
      'when a version is read before it is made',
      history(made, [3, 4, read(2, 'y')], [5, 6, move(2, 'y')]),
    ],
    [
      'when two that read see it go back',
      history(made, [3, 9, move(2, 'y')], [4, 5, read(2, 'y')], [6, 7, read(1, 'x')]),
    ],
    ['when another image is read than was set', history(made, moved, [5, 6, read(2, 'x')])],
    ['when an old image is resolved', history(made, moved, [5, 6, resolve('x')])],
    ['when an image is resolved that was never set', history(made, [1, 9, resolve('z')])],
    [
      'when an image is resolved before it is set',
      history(made, [3, 4, resolve('y')], [5, 6, move(2, 'y')]),
    ],
    [
      'when what is resolved goes back',
      history(made, [3, 9, move(2, 'y')], [4, 5, resolve('y', 2n)], [6, 7, resolve('x', 3n)]),
    ],
    [
      'when a later generation has the earlier image',
      history(made, [3, 9, move(2, 'y')], [4, 8, resolve('y', 2n)], [4, 8, resolve('x', 3n)]),
    ],
    [
      'when a generation has two answers',
      history(made, [3, 9, move(2, 'y')], [4, 8, resolve('y', 2n)], [4, 8, resolve('x', 2n)]),
    ],
    [
      'when a generation is seen after a later one, by another alias even',
      [
        ...history(made, [3, 4, resolve('x', 3n)]),
        { alias: 'b', start: 1, end: 2, did: 'move', version: 1, image: 'x' },
        { alias: 'b', start: 5, end: 6, did: 'resolve', image: 'x', generation: 2n },
      ],
    ],
    [
      'when one moves from a version that it did not expect',
      history(made, moved, [5, 6, move(3, 'z', { expected: 1 })]),
    ],
    [
      'when one loses though nobody came before it',
      history(made, [3, 4, lose(1)], [5, 6, move(2, 'y')]),
    ],
    ['when one loses to nobody at all', history(made, [3, 4, lose(1)])],
    ['when one is missing that is there', history(made, [3, 4, { did: 'miss' }])],
    [
      'when one goes back to an image that was not before',
      history(made, moved, [5, 6, move(3, 'z', back)]),
    ],
    [
      'when one goes back to the image where it is',
      history(made, moved, [5, 6, move(3, 'y', back)]),
    ],
    ['when one stays though it could go back', history(made, moved, [5, 6, { did: 'stay' }])],
  ])('%s', (_, operations) => {
    expect(faultsOf(operations)).not.toEqual([])
  })
})

/** What a step of a made-up history does, and how long before and after its effect its client waits. */
const steps = fc.array(
  fc.record({
    what: fc.constantFrom('set', 'cas', 'back', 'read', 'resolve'),
    image: fc.constantFrom('x', 'y', 'z'),
    off: fc.integer({ min: -1, max: 0 }),
    before: fc.nat({ max: 40 }),
    after: fc.nat({ max: 40 }),
  }),
  { maxLength: 60 },
)
type Steps = typeof steps extends fc.Arbitrary<infer S> ? S : never

/** Does the steps one after the other, each at a moment between the start and the end that its client knows of. */
function perform(made: Steps, lag: (version: number, i: number) => number): Operation[] {
  const images: string[] = []
  return made.map(({ before, after, ...step }, i) => {
    const moment = (i + 1) * 10
    const seen = observed(step, images, lag(images.length, i)) ?? moved(step, images)
    if (seen.did === 'move') images.push(seen.image)
    return { alias: 'a', start: moment - before, end: moment + after, ...seen }
  })
}

type Step = Pick<Steps[number], 'what' | 'image' | 'off'>

function observed({ what }: Step, images: readonly string[], version: number): Seen | undefined {
  if (what !== 'read' && what !== 'resolve') return undefined
  const image = images[version - 1]
  if (image === undefined) return { did: 'miss' }
  if (what === 'read') return { did: 'read', version, image }
  return { did: 'resolve', image, generation: BigInt(version) }
}

function moved({ what, image, off }: Step, images: readonly string[]): Seen {
  const version = images.length + 1
  if (what === 'cas') {
    const expected = images.length + off
    return off < 0 ? { did: 'lose', expected } : { did: 'move', version, image, expected }
  }
  if (what !== 'back') return { did: 'move', version, image }
  const earlier = images.findLast((one) => one !== images.at(-1))
  if (earlier !== undefined) return { did: 'move', version, image: earlier, ...back }
  return images.length === 0 ? { did: 'miss' } : { did: 'stay' }
}

test('whatever is done in one order is linearizable, however long clients wait', () => {
  fc.assert(
    fc.property(steps, (made) => {
      // No two events at the same time: starts are even, ends odd.
      const operations = perform(made, (version) => version)
      const spread = operations.map((one) => ({
        ...one,
        start: one.start * 2,
        end: one.end * 2 + 1,
      }))
      expect(faultsOf(spread)).toEqual([])
    }),
  )
})

test('one read of a version behind is found out, wherever it is', () => {
  fc.assert(
    fc.property(steps, fc.nat(), (made, where) => {
      const prompt = made.map((step) => ({ ...step, before: 1, after: 1 }))
      const at = where % (made.length + 1)
      const operations = perform(prompt, (version, i) => (i === at ? version - 1 : version))
      const stale = operations[at]
      fc.pre(stale?.did === 'read')
      expect(faultsOf(operations)).not.toEqual([])
    }),
  )
})
