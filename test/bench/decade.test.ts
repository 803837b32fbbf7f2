import { describe, expect, test } from '@jest/globals'
import { decade } from '../../bench/decade/decade.ts'
import { live } from '../../bench/decade/life.ts'
import { planRetention } from '../../lib/retention/plan.ts'

/** A quarter of the lines and of the facilities. */
const small = { ...decade, systems: decade.systems.slice(0, 5), archs: ['x86'], facilities: 50 }

describe('ten years of a portal', () => {
  const lived = live(small)
  const at = (year: number) => lived.months[year * 12 - 1]

  test('have every held image at hand, whole, on every day', () => {
    expect(lived.days).toBe(3653)
    expect(lived.holds).toBeGreaterThan(10_000)
    expect(lived.looks).toBeGreaterThan(100_000)
  })

  test('fill the store to what the policy keeps, and no further', () => {
    const peakOf = (months: typeof lived.months) =>
      Math.max(...months.map(({ storeBytes }) => storeBytes))
    expect(peakOf(lived.months)).toBeLessThan(peakOf(lived.months.slice(0, 36)) * 1.1)
    expect(at(10)?.built).toBeGreaterThan(3 * (at(3)?.built ?? Infinity))
  })

  test('take a fraction of what whole files would', () => {
    const last = at(10)
    const taken = (last?.storeBytes ?? 0) + (last?.archiveBytes ?? 0)
    expect(taken).toBeLessThan((last?.wholeBytes ?? 0) / 2)
  })

  test('are lived the same again by the same seed, and otherwise by another', () => {
    const short = { ...small, years: 0.5, facilities: 20 }
    expect(live(short)).toEqual(live(short))
    expect(live({ ...short, seed: 2 }).looks).not.toBe(live(short).looks)
  })

  test('would not pass with a planner that forgets who holds what', () => {
    const forgetful: typeof planRetention = (world, policies) =>
      planRetention({ ...world, needs: new Map() }, policies)
    const hasty = small.policies.map((one) => ({ ...one, usedDays: 0, expireAfterDays: 400 }))
    expect(() => live({ ...small, years: 3, policies: hasty }, forgetful)).toThrow('cannot be had')
  })
})
