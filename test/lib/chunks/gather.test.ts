import { describe, expect, test } from '@jest/globals'
import { type Clock, sleep } from '../../../lib/chunks/clock.ts'
import type { ChunkSource } from '../../../lib/chunks/source.ts'
import { openStanding } from '../../../lib/chunks/standing.ts'
import { corrupt, unavailable } from '../../../lib/failure.ts'
import { holding } from '../../support/chunks.ts'
import {
  chunks,
  clock,
  copy,
  digests,
  peer,
  portal,
  refusing,
  twisted,
} from '../../support/copying.ts'

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

  test('are not even asked where the portal comes first, and give what that cannot', async () => {
    const served = await copy({
      sources: () => [peer('p', refusing), portal(good)],
      first: 'portal',
    })
    expect(Object.fromEntries(served)).toEqual({ portal: 100 })
    const without = await copy({
      sources: () => [peer('p', good), portal(refusing)],
      first: 'portal',
    })
    expect(Object.fromEntries(without)).toEqual({ p: 100 })
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

  test('that brings nothing is asked again after a pause each time, though others bring something', async () => {
    let [asked, pauses] = [0, 0]
    const after = (ms: number) => sleep(ms, AbortSignal.timeout(10_000))
    const away = twisted(refusing, async function* (runs) {
      asked++
      await after(40)
      yield* runs
    })
    const slow = twisted(holding(chunks.slice(10)), async function* (runs) {
      for await (const run of runs) {
        await after(30)
        yield run
      }
    })
    const pausing: Clock = {
      now: () => clock.now(),
      sleep: async (ms, signal) => {
        if (ms < 100 || ms > 1500) return sleep(ms, signal)
        pauses++
        await after(1)
      },
    }
    const sources = () => [
      peer('slow', slow),
      portal({ ...away, missing: (wanted) => good.missing(wanted) }),
    ]
    await expect(copy({ sources, clock: pausing, retries: 0 })).rejects.toMatchObject({
      reason: 'UNREACHABLE',
    })
    expect(asked).toBeGreaterThan(2)
    expect(pauses).toBe(asked - 1)
  })
})

test('a source that sits out is asked where another gave a part and lied then', async () => {
  const standing = openStanding({ now: () => clock.now(), chance: () => 0.5 })
  standing.failed('portal', unavailable('UNREACHABLE', 'the line was cut'))
  const lying = twisted(good, async function* (runs) {
    for await (const run of runs) {
      yield run
      throw corrupt('CHUNK_CORRUPT', 'other bytes')
    }
  })
  const served = await copy({
    sources: () => [peer('liar', lying), portal(good)],
    standing,
    inFlight: 1,
    digests: digests.slice(0, 10),
  })
  expect(Object.fromEntries(served)).toEqual({ liar: 4, portal: 6 })
})
