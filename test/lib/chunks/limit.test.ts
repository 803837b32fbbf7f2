import { describe, expect, test } from '@jest/globals'
import { type Clock, sleep } from '../../../lib/chunks/clock.ts'
import { bothLimits, limitTo, owedLimits } from '../../../lib/chunks/limit.ts'

const never = new AbortController().signal

/** A clock that is told the time, and wakes sleepers in order. */
function toldClock(): Clock & { pass(ms: number): Promise<void> } {
  let now = 0
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  return {
    now: () => now,
    sleep: (ms) =>
      new Promise((resolve) => {
        sleepers.add({ at: now + ms, wake: resolve })
      }),
    async pass(ms) {
      const end = now + ms
      for (;;) {
        for (let i = 0; i < 20; i++) await Promise.resolve()
        const [next] = [...sleepers].toSorted((a, b) => a.at - b.at)
        if (next === undefined || next.at > end) break
        sleepers.delete(next)
        now = next.at
        next.wake()
      }
      now = end
    },
  }
}

describe('a limit', () => {
  test('lets through what it says, within 5 % over 10 s, whatever the sizes and however many take', async () => {
    const clock = toldClock()
    const limit = limitTo(1_000_000, clock)
    let passed = 0
    const stop = new AbortController()
    const taker = async (bytes: number): Promise<void> => {
      while (!stop.signal.aborted) {
        await limit.take(bytes, stop.signal)
        passed += bytes
      }
    }
    const takers = [10_000, 100_000, 3000, 50_000].map(taker)
    await clock.pass(10_000)
    expect(Math.abs(passed / 10_000_000 - 1)).toBeLessThan(0.05)
    stop.abort()
    await clock.pass(1000)
    await Promise.all(takers)
  })

  test('and another together let through what the slower says', async () => {
    const clock = toldClock()
    const limit = bothLimits(limitTo(900_000, clock), limitTo(400_000, clock))
    let passed = 0
    const stop = new AbortController()
    const taker = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        await limit.take(10_000, stop.signal)
        passed += 10_000
      }
    }
    const takers = [taker(), taker(), taker()]
    await clock.pass(10_000)
    expect(Math.abs(passed / 4_000_000 - 1)).toBeLessThan(0.05)
    stop.abort()
    await clock.pass(1000)
    await Promise.all(takers)
  })

  test('for bytes that have come makes who comes next wait for what the one before left unpaid', async () => {
    const clock = toldClock()
    const limits = owedLimits(clock)
    void limits(1000).take(10_250, never)
    let passed = 0
    const next = limits(1000)
      .take(0, never)
      .then(() => (passed = clock.now()))
    await limits(2000).take(0, never)
    await limits(undefined).take(1e9, never)
    await clock.pass(9_900)
    expect(passed).toBe(0)
    await clock.pass(200)
    await next
    expect(passed).toBe(10_000)
  })

  test('does not save up what was not used', async () => {
    const clock = toldClock()
    const limit = limitTo(1000, clock)
    await limit.take(1, never)
    await clock.pass(60_000)
    let passed = false
    const late = limit.take(1000, never).then(() => (passed = true))
    await clock.pass(749)
    expect(passed).toBe(false)
    await clock.pass(1)
    await late
  })

  test('serves those who wait in their order', async () => {
    const clock = toldClock()
    const limit = limitTo(1000, clock)
    const order: number[] = []
    const all = [3000, 10, 500].map((bytes) =>
      limit.take(bytes, never).then(() => order.push(bytes)),
    )
    await clock.pass(4000)
    await Promise.all(all)
    expect(order).toEqual([3000, 10, 500])
  })

  test('does not hold others up for bytes that were given up', async () => {
    const limit = limitTo(1000, { now: () => performance.now(), sleep })
    for (let i = 0; i < 100; i++) {
      await expect(limit.take(1_000_000, AbortSignal.abort())).rejects.toThrow('abort')
    }
    await limit.take(250, AbortSignal.timeout(5000))
  })

  test('that is none lets everything through at once', async () => {
    await limitTo(undefined, toldClock()).take(1e12, never)
  })

  test('holds against a real clock', async () => {
    const limit = limitTo(4_000_000, { now: () => performance.now(), sleep })
    const began = performance.now()
    for (let i = 0; i < 50; i++) await limit.take(100_000, never)
    const rate = 5_000_000 / (performance.now() - began)
    // 250 ms that were not used before are made up for.
    expect(rate).toBeLessThan((4000 * 1.25) / 0.95)
    expect(rate).toBeGreaterThan(4000 * 0.8)
  })
})
