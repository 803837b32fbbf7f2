import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { planSync, retryAfterMs, type NotBefore } from '../../agent/plan.ts'
import type { DesiredImage } from '../../proto/gen/merge/image/v1/agent.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'

const now = 1000

function wants(name: string, storedBytes = 1n): DesiredImage {
  return { image: Image.create({ name, storedBytes }), holders: [], fetchers: [], priority: 0 }
}

function plan(
  wanted: readonly DesiredImage[],
  present: readonly string[] = [],
  notBefore: Readonly<Record<string, number>> = {},
) {
  const { fetches, ...rest } = planSync(
    wanted,
    new Set(present),
    new Map(Object.entries(notBefore)),
    now,
  )
  return { ...rest, fetches: fetches.map(({ desired }) => desired.image?.name) }
}

describe('a plan', () => {
  test('of an agent that should hold nothing is empty', () => {
    expect(plan([], ['a'])).toEqual({ fetches: [], retryAt: undefined, converged: true })
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
      retryAt: undefined,
      converged: false,
    })
  })

  test('lets what failed wait, and says until when', () => {
    const wanted = [wants('a'), wants('b'), wants('c')]
    expect(plan(wanted, [], { a: now + 50, b: now + 20 })).toEqual({
      fetches: ['c'],
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
        const { fetches, retryAt, converged } = planSync(desired, here, waits, now)
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

test('a failed try waits longer each time, and a minute at most', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 100].map(retryAfterMs)).toEqual([
    2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ])
})
