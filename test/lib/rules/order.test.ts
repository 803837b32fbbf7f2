import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { comesFirst, type Lacked } from '../../../lib/rules/order.ts'

const image = (name: string, more: Partial<Lacked> = {}): Lacked => ({
  ...{ name, byTime: undefined, isBound: false, priority: 0, storedBytes: 1n },
  ...more,
})

test('what no rate binds comes first; of that what is to be there by a time, the earliest before all; then priority, size and name', () => {
  const [noon, night] = [new Date('2026-06-15T12:00:00Z'), new Date('2026-06-15T23:00:00Z')]
  const order = [
    image('large and early', { byTime: noon, storedBytes: 100n, priority: -5 }),
    image('late', { byTime: night }),
    image('important', { priority: 5, storedBytes: 50n }),
    image('a'),
    image('b'),
    image('big', { storedBytes: 9n }),
    image('unimportant', { priority: -1 }),
    image('bound, and early', { byTime: noon, isBound: true }),
    image('bound, and important', { priority: 9, isBound: true }),
  ]
  expect(order.toReversed().toSorted(comesFirst)).toEqual(order)
})

test('any two images have one order', () => {
  const some = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    byTime: fc.option(fc.constantFrom(new Date(0), new Date(1)), { nil: undefined }),
    isBound: fc.boolean(),
    priority: fc.integer({ min: -1, max: 1 }),
    storedBytes: fc.bigInt({ min: 0n, max: 2n }),
  })
  fc.assert(
    fc.property(some, some, (a, b) => {
      fc.pre(JSON.stringify(a.name) !== JSON.stringify(b.name))
      expect(Math.sign(comesFirst(a, b))).toBe(-Math.sign(comesFirst(b, a)))
    }),
  )
})
