import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { mayGoOn, planSync, retryAfterMs, type NotBefore } from '../../agent/plan.ts'
import { FetchTerms, type DesiredImage } from '../../proto/gen/merge/image/v1/agent.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { RulePeers } from '../../proto/gen/merge/image/v1/rule.ts'

const now = 1000
const date = new Date('2026-06-15T12:00:00Z')

function wants(name: string, storedBytes = 1n): DesiredImage {
  const image = Image.create({ name, storedBytes })
  return { image, holders: [], fetchers: [], priority: 0, terms: [] }
}

function plan(
  wanted: readonly DesiredImage[],
  present: readonly string[] = [],
  notBefore: Readonly<Record<string, number>> = {},
) {
  const { fetches, waits, ...rest } = planSync(
    wanted,
    new Set(present),
    new Map(Object.entries(notBefore)),
    { clock: now, date },
  )
  return {
    ...rest,
    waits: [...waits.keys()],
    fetches: fetches.map(({ desired }) => desired.image?.name),
  }
}

describe('a plan', () => {
  test('of an agent that should hold nothing is empty', () => {
    expect(plan([], ['a'])).toEqual({
      ...{ fetches: [], waits: [], retryAt: undefined, converged: true },
    })
  })

  test('fetches what has priority first, however large it is', () => {
    const urgent = { ...wants('urgent', 100n), priority: 5 }
    const later = { ...wants('later', 1n), priority: -5 }
    expect(plan([later, wants('small'), urgent]).fetches).toEqual(['urgent', 'small', 'later'])
  })

  test('fetches what is not here, small images first', () => {
    const wanted = [wants('big', 100n), wants('b', 5n), wants('a', 5n), wants('here', 1n)]
    expect(plan(wanted, ['here'])).toEqual({
      fetches: ['a', 'b', 'big'],
      waits: [],
      retryAt: undefined,
      converged: false,
    })
  })

  test('lets what failed wait, and says until when', () => {
    const wanted = [wants('a'), wants('b'), wants('c')]
    expect(plan(wanted, [], { a: now + 50, b: now + 20 })).toEqual({
      fetches: ['c'],
      waits: [],
      retryAt: now + 20,
      converged: false,
    })
    expect(plan(wanted, [], { a: now, b: now - 1 }).fetches).toEqual(['a', 'b', 'c'])
  })

  test('does not wait for what came in the meantime', () => {
    expect(plan([wants('a')], ['a'], { a: now + 50 })).toMatchObject({
      retryAt: undefined,
      converged: true,
    })
  })

  const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  const anything = fc.record({
    wanted: fc.uniqueArray(fc.tuple(names, fc.bigInt(0n, 5n)), { selector: ([name]) => name }),
    present: fc.uniqueArray(names),
    notBefore: fc.array(fc.tuple(names, fc.integer({ min: now - 3, max: now + 3 }))),
  })

  test('fetches each image that lacks and is due, once, and nothing else; and converges when nothing lacks', () => {
    fc.assert(
      fc.property(anything, ({ wanted, present, notBefore }) => {
        const waits: NotBefore = new Map(notBefore)
        const here = new Set(present)
        const desired = wanted.map(([name, bytes]) => wants(name, bytes))
        const { fetches, retryAt, converged } = planSync(desired, here, waits, { clock: now, date })
        const fetched = fetches.map((fetch) => fetch.desired.image?.name ?? '')
        const lacking = wanted.map(([name]) => name).filter((name) => !here.has(name))
        const due = lacking.filter((name) => (waits.get(name) ?? 0) <= now)
        expect(fetched.toSorted()).toEqual(due.toSorted())
        expect(converged).toBe(lacking.length === 0)
        const later = lacking.filter((name) => !due.includes(name))
        expect(retryAt !== undefined).toBe(later.length > 0)
        if (retryAt !== undefined) expect(retryAt).toBeGreaterThan(now)
      }),
    )
  })
})

describe('the terms of its rules', () => {
  const bound = (
    name: string,
    more: Partial<FetchTerms>,
    holders: string[] = [],
  ): DesiredImage => ({
    ...wants(name),
    holders,
    terms: [FetchTerms.create({ rule: 'std', timeZone: 'UTC', ...more })],
  })

  test('have an image wait for its hours, and no other', () => {
    const wanted = [
      bound('day', { window: '08:00-18:00' }),
      bound('night', { window: '22:00-06:00' }),
    ]
    expect(plan([...wanted, wants('z')])).toEqual({
      ...{ fetches: ['day', 'z'], waits: ['night'], retryAt: undefined, converged: false },
    })
  })

  test('bind nobody by the clocks of a zone that is not known here', () => {
    const wanted = bound('night', { window: '22:00-06:00', timeZone: 'Mars/Olympus_Mons' })
    expect(plan([wanted])).toMatchObject({ fetches: ['night'], waits: [] })
  })

  test('have an image that comes from peers alone wait for one', () => {
    const only = { peers: RulePeers.RULE_PEERS_ONLY }
    const wanted = [bound('a', only), bound('b', only, ['lab2'])]
    expect(plan(wanted)).toMatchObject({ fetches: ['b'], waits: ['a'] })
  })

  test('have what a rate binds come after what none does, whatever its priority', () => {
    const slow = { ...bound('slow', { rate: 1000n }), priority: 50 }
    expect(plan([slow, wants('large', 1000n)]).fetches).toEqual(['large', 'slow'])
  })

  test('end a transfer whose hours are over, whose terms change, or that holds up what no rate binds', () => {
    const of = (...wanted: DesiredImage[]) =>
      planSync(wanted, new Set(), new Map(), { clock: now, date })
    const [slow] = of(bound('slow', { rate: 1000n })).fetches
    const [fast] = of(wants('fast')).fetches
    if (slow === undefined || fast === undefined) throw new Error('nothing to fetch')
    expect(mayGoOn(slow, of(slow.desired, bound('other', { rate: 9000n })))).toBe(true)
    expect(mayGoOn(slow, of(slow.desired, wants('other')))).toBe(false)
    expect(mayGoOn(slow, of(bound('slow', { rate: 2000n })))).toBe(false)
    expect(mayGoOn(slow, of(bound('slow', { window: '22:00-06:00' })))).toBe(false)
    expect(mayGoOn(fast, of(fast.desired, { ...wants('urgent'), priority: 9 }))).toBe(true)
    // Wanted no more, it is fetched to its end.
    expect(mayGoOn(fast, of())).toBe(true)
  })
})

test('a failed try waits longer each time, and a minute at most', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 100].map(retryAfterMs)).toEqual([
    2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ])
})
