import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { allowanceOf, isFree, peersNamed, type Terms } from '../../../lib/rules/terms.ts'
import { parseWindow } from '../../../lib/window.ts'
import { RulePeers } from '../../../proto/gen/merge/image/v1/rule.ts'

const noon = new Date('2026-06-15T12:00:00Z')
const free: Terms = { rule: 'free', window: undefined, rate: undefined, peers: 'first' }
const night: Terms = { ...free, rule: 'night', window: parseWindow('22:00-06:00') }
const day: Terms = { ...free, rule: 'day', window: parseWindow('08:00-18:00') }

const allowed = (terms: readonly Terms[], isAtPeers = true) => allowanceOf(terms, isAtPeers, noon)

describe('an image may be fetched', () => {
  test.each<[string, readonly Terms[], ReturnType<typeof allowed>]>([
    ['in any way without terms', [], { kind: 'open', rate: undefined, peers: 'first' }],
    [
      'in the hours of any of its rules',
      [night, { ...day, rate: 5_000 }],
      { kind: 'open', rate: 5_000, peers: 'first' },
    ],
    [
      'at the highest rate of those whose hours it is',
      [
        { ...night, rate: 9_000 },
        { ...day, rate: 5_000 },
        { ...free, rate: 7_000 },
      ],
      { kind: 'open', rate: 7_000, peers: 'first' },
    ],
    [
      'as fast as it comes where one of them says no rate',
      [{ ...day, rate: 5_000 }, free],
      { kind: 'open', rate: undefined, peers: 'first' },
    ],
    [
      'from the portal where one lets it',
      [
        { ...free, peers: 'only' },
        { ...free, peers: 'last' },
      ],
      { kind: 'open', rate: undefined, peers: 'last' },
    ],
    [
      'from peers first where one says so',
      [
        { ...free, peers: 'last' },
        { ...day, peers: 'first' },
      ],
      { kind: 'open', rate: undefined, peers: 'first' },
    ],
    [
      'later, when the first of its hours begin',
      [{ ...night, window: parseWindow('23:00-06:00') }, night],
      { kind: 'closed', rule: 'night', opensAt: new Date('2026-06-15T22:00:00Z') },
    ],
  ])('%s', (_, terms, expected) => {
    expect(allowed(terms)).toEqual(expected)
  })

  test('from peers alone only once one has it, and then not at the rate of others', () => {
    const only: Terms = { ...free, rule: 'only', peers: 'only' }
    expect(allowed([only], false)).toEqual({ kind: 'alone', rule: 'only' })
    expect(allowed([only], true)).toEqual({ kind: 'open', rate: undefined, peers: 'only' })
    const slow: Terms = { ...free, rate: 1_000 }
    expect(allowed([only, slow], false)).toEqual({ kind: 'open', rate: 1_000, peers: 'first' })
  })
})

const anyTerms = fc.record({
  rule: fc.constantFrom('a', 'b'),
  window: fc.constantFrom(undefined, night.window, day.window),
  rate: fc.option(fc.integer({ min: 1_000, max: 1_003 }), { nil: undefined }),
  peers: fc.constantFrom('first' as const, 'last' as const, 'only' as const),
})

test('one more rule never takes away what the others allow', () => {
  fc.assert(
    fc.property(fc.array(anyTerms, { minLength: 1 }), anyTerms, fc.boolean(), (terms, more, at) => {
      const [before, after] = [allowed(terms, at), allowed([...terms, more], at)]
      if (before.kind !== 'open') return
      if (after.kind !== 'open') throw new Error('what was open is closed')
      expect(after.rate ?? Infinity).toBeGreaterThanOrEqual(before.rate ?? Infinity)
      if (before.peers !== 'only') expect(after.peers).not.toBe('only')
    }),
  )
})

test('terms that allow everything are told from others', () => {
  expect(
    [free, night, { ...free, rate: 1_000 }, { ...free, peers: 'last' as const }].map(isFree),
  ).toEqual([true, false, false, false])
})

test('what is not said of peers is that they come first', () => {
  const { RULE_PEERS_UNSPECIFIED, RULE_PEERS_ONLY } = RulePeers
  expect([RULE_PEERS_UNSPECIFIED, RULE_PEERS_ONLY].map(peersNamed)).toEqual(['first', 'only'])
})
