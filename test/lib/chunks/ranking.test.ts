import { expect, test } from '@jest/globals'
import { chooseSource, type RankedSource } from '../../../lib/chunks/ranking.ts'
import { holding } from '../../support/chunks.ts'

const source = holding([])
const a: RankedSource = { name: 'a', origin: 'peer', source }
const b: RankedSource = { name: 'b', origin: 'peer', source }
const portal: RankedSource = { name: 'portal', origin: 'portal', source }
const all = [portal, a, b]

interface Given {
  readonly sources?: readonly RankedSource[]
  readonly tried?: readonly string[]
  readonly busy?: Readonly<Record<string, number>>
  readonly resting?: Readonly<Record<string, number>>
}

function choice({ sources = all, tried = [], busy = {}, resting = {} }: Given): string | undefined {
  const standing = {
    busy: new Map(Object.entries(busy)),
    restingUntil: new Map(Object.entries(resting)),
  }
  return chooseSource(sources, new Set(tried), standing, 100)?.name
}

test.each<[string, Given, string | undefined]>([
  ['peers come before the portal', {}, 'a'],
  ['the next peer takes what the best has no hands for', { busy: { a: 2 } }, 'b'],
  ['busy peers still spare the portal', { busy: { a: 4, b: 3 } }, 'b'],
  ['a source that failed this batch is not asked again', { tried: ['a'] }, 'b'],
  ['a source that sits out is passed over', { resting: { a: 101 } }, 'b'],
  ['and is asked again afterwards', { resting: { a: 100 } }, 'a'],
  ['the portal comes before a peer that sits out', { resting: { a: 101, b: 101 } }, 'portal'],
  [
    'who sits out is asked when nobody else is left',
    { tried: ['a', 'portal'], resting: { b: 999 } },
    'b',
  ],
  ['nobody is left', { tried: ['a', 'b', 'portal'] }, undefined],
  ['there is nobody', { sources: [] }, undefined],
])('%s', (_, given, expected) => {
  expect(choice(given)).toBe(expected)
})
