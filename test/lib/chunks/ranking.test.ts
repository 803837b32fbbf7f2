import { expect, test } from '@jest/globals'
import { partChunks, rank, type Origin, type RankedSource } from '../../../lib/chunks/ranking.ts'
import { holding } from '../../support/chunks.ts'

const source = holding([])
const a: RankedSource = { name: 'a', origin: 'peer', source }
const b: RankedSource = { name: 'b', origin: 'peer', source }
const c: RankedSource = { name: 'c', origin: 'peer', source }
const portal: RankedSource = { name: 'portal', origin: 'portal', source }

interface Given {
  readonly rates?: Readonly<Record<string, number>>
  readonly busy?: Readonly<Record<string, number>>
  readonly resting?: Readonly<Record<string, number>>
}

function order(
  { rates = {}, busy = {}, resting = {} }: Given,
  sources = [portal, a, b],
  first?: Origin,
): string {
  const knows = (name: string) => ({
    rate: rates[name],
    busy: busy[name] ?? 0,
    restingUntil: resting[name] ?? -Infinity,
  })
  return rank(sources, knows, 100, first)
    .map(({ name }) => name)
    .join(' ')
}

const MB = 1_000_000

test.each<[string, Given, string]>([
  ['peers come before the portal, in the order given', {}, 'a b portal'],
  ['the faster peer comes first', { rates: { a: MB, b: 2 * MB } }, 'b a portal'],
  ['the fast one takes more', { rates: { a: 3 * MB, b: MB }, busy: { a: 1 } }, 'a b portal'],
  ['until it has its share', { rates: { a: 3 * MB, b: MB }, busy: { a: 3 } }, 'b a portal'],
  ['who was not measured is tried before who is slow', { rates: { a: MB } }, 'b a portal'],
  ['and not before who is fast', { rates: { a: 20 * MB }, busy: { b: 1 } }, 'a b portal'],
  ['busy peers still spare the portal', { busy: { a: 14, b: 13 } }, 'b a portal'],
  [
    'a portal 7 times as fast is spared',
    { rates: { a: MB, b: MB, portal: 14 * MB } },
    'a b portal',
  ],
  ['one 9 times as fast is not', { rates: { a: MB, b: MB, portal: 18 * MB } }, 'portal a b'],
  [
    'and then the peers take their share',
    { rates: { a: MB, b: MB, portal: 18 * MB }, busy: { portal: 18 } },
    'a b portal',
  ],
  ['a portal that was never asked is, if peers crawl', { rates: { a: 9, b: 9 } }, 'portal a b'],
  ['who sits out comes last', { resting: { a: 101 } }, 'b portal a'],
  ['and not any more afterwards', { resting: { a: 100 } }, 'a b portal'],
  ['who sits out is no reason to spare the portal', { resting: { a: 101, b: 101 } }, 'portal a b'],
  [
    'where all sit out, who comes back soonest is first',
    { resting: { a: 900, b: 800, portal: 999 } },
    'b a portal',
  ],
  ['a rate of nothing is no division by it', { rates: { a: 0, b: 2 } }, 'portal b a'],
])('%s', (_, given, expected) => {
  expect(order(given)).toBe(expected)
})

test.each<[string, Given, string]>([
  ['it comes before peers, however fast they are', { rates: { a: 90 * MB } }, 'portal a b'],
  ['it comes last all the same while it sits out', { resting: { portal: 101 } }, 'a b portal'],
])('where the portal is to come first, %s', (_, given, expected) => {
  expect(order(given, [a, b, portal], 'portal')).toBe(expected)
})

test('parts under way come to be shared as the rates are', () => {
  const rates = { a: 6 * MB, b: 3 * MB, c: MB }
  const busy: Record<string, number> = { a: 0, b: 0, c: 0 }
  for (let i = 0; i < 10; i++) {
    const [first = ''] = order({ rates, busy }, [a, b, c]).split(' ')
    busy[first] = (busy[first] ?? 0) + 1
  }
  expect(busy).toEqual({ a: 6, b: 3, c: 1 })
})

test.each([
  [undefined, 64],
  [0, 16],
  [100_000, 16],
  [1_000_000, 123],
])('from a source of %d bytes a second a part has at most %d chunks', (rate, chunks) => {
  expect(partChunks(rate)).toBe(chunks)
})
