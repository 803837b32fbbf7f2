import { describe, expect, test } from '@jest/globals'
import { type Clock, sleep } from '../../../lib/chunks/clock.ts'
import type { ChunkSource } from '../../../lib/chunks/source.ts'
import { unavailable } from '../../../lib/failure.ts'
import { holding } from '../../support/chunks.ts'
import { chunks, copy, digests, peer, portal, refusing, twisted } from '../../support/copying.ts'

const good = holding(chunks)

describe('several peers', () => {
  const answering = (ms: number, held: typeof chunks): ChunkSource => ({
    ...holding(held),
    async missing(asked, signal) {
      await sleep(ms, signal ?? AbortSignal.timeout(10_000))
      return holding(held).missing(asked)
    },
  })

  test('are asked what they hold at once, not one after another', async () => {
    let [now, most] = [0, 0]
    const counting: ChunkSource = {
      ...holding([]),
      async missing(asked) {
        most = Math.max(most, ++now)
        await sleep(20, AbortSignal.timeout(10_000))
        now--
        return [...asked]
      },
    }
    const peers = Array.from({ length: 9 }, (_, i) => peer(`p${i}`, counting))
    await copy({ sources: () => [...peers, portal(good)], batchChunks: 100 })
    expect(most).toBe(8)
  })

  test('that hold a part each give it, and the portal the rest', async () => {
    const parts = [0, 1, 2].map((i) => peer(`p${i}`, holding(chunks.slice(i * 30, i * 30 + 30))))
    const served = await copy({ sources: () => [...parts, portal(good)], batchChunks: 100 })
    expect(Object.fromEntries(served)).toEqual({ p0: 30, p1: 30, p2: 30, portal: 10 })
  })

  test('that have not answered do not hold up a batch that another holds', async () => {
    const sources = [peer('far', answering(5000, chunks)), peer('near', answering(1, chunks))]
    const began = performance.now()
    const served = await copy({ sources: () => sources })
    expect(performance.now() - began).toBeLessThan(1000)
    expect(served).toEqual(new Map([['near', 100]]))
  })

  test('that hold nothing let others be asked, where there are more than are asked at once', async () => {
    const empties = Array.from({ length: 12 }, (_, i) => peer(`p${i}`, holding([])))
    const sources = () => [...empties, peer('last', good), portal(good)]
    const served = await copy({ sources, inFlight: 1 })
    expect(served.get('last')).toBe(90)
  })
})

test.each([
  [0, 0],
  [0.25, 20],
  [0.99, 90],
])(
  'a copy that starts at %d of the list begins with chunk %d, and brings all',
  async (startAt, first) => {
    const asked: string[] = []
    const noting: ChunkSource = {
      ...good,
      fetch: (wanted) => (asked.push(...wanted), good.fetch(wanted)),
    }
    const served = await copy({ sources: () => [portal(noting)], startAt, inFlight: 1 })
    expect(served.get('portal')).toBe(100)
    expect(asked).toEqual([...digests.slice(first), ...digests.slice(0, first)])
  },
)

describe('a line that is cut', () => {
  /** Yields a run and fails, each time. */
  const cutting = twisted(good, async function* (runs) {
    for await (const run of runs) {
      yield run
      throw unavailable('UNREACHABLE', 'the line was cut')
    }
  })

  test('is used again as long as that brings something, and only for what is missing', async () => {
    let asked = 0
    const counting: ChunkSource = {
      ...cutting,
      fetch: (wanted, signal) => ((asked += wanted.length), cutting.fetch(wanted, signal)),
    }
    const served = await copy({ sources: () => [portal(counting)], retries: 0 })
    expect(served).toEqual(new Map([['portal', 100]]))
    // Of 10 chunks, 4 came each time.
    expect(asked).toBe(10 * (10 + 6 + 2))
  })

  test('that brings nothing is tried again, with a pause that grows', async () => {
    let [now, fetches] = [0, 0]
    const away: ChunkSource = {
      ...good,
      fetch: (wanted) => (now < 1500 ? refusing : good).fetch(wanted),
    }
    const told: Clock = {
      now: () => now,
      sleep: async (ms, signal) => {
        if (ms > 4000) return sleep(ms, signal)
        fetches++
        now += ms
      },
    }
    await copy({
      sources: () => [portal(away)],
      inFlight: 1,
      clock: told,
      digests: digests.slice(0, 9),
    })
    expect([now, fetches]).toEqual([1750, 3])
  })
})
