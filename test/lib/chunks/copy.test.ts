import { describe, expect, test } from '@jest/globals'
import type { RankedSource } from '../../../lib/chunks/ranking.ts'
import type { ChunkSource, ChunkStore, Run } from '../../../lib/chunks/source.ts'
import { verified } from '../../../lib/chunks/verified.ts'
import { corrupt, exhausted } from '../../../lib/failure.ts'
import { chunksOf, collect, contentOf, digestsOf, holding, storedOf } from '../../support/chunks.ts'
import {
  chunks,
  copy,
  digests,
  emptyStore,
  peer,
  portal,
  refusing,
  twisted,
} from '../../support/copying.ts'

const good = holding(chunks)
const truncating = twisted(good, async function* (runs) {
  for await (const run of runs) {
    yield run
    return
  }
})
const lying = twisted(good, async function* (runs) {
  for await (const run of runs) yield { ...run, payload: Buffer.from(run.payload).fill(0) }
})
const empty: ChunkSource = { ...holding([]), missing: () => Promise.resolve([]) }
const chatty = twisted(good, async function* (runs) {
  yield* runs
  yield* holding(chunksOf('nobody asked for these', 3)).fetch(
    digestsOf(chunksOf('nobody asked for these', 3)),
  )
})
const stalling = twisted(good, async function* (runs) {
  for await (const run of runs) {
    yield run
    await Promise.withResolvers<never>().promise
  }
})
const checked = (source: ChunkSource): ChunkSource =>
  verified(source, (run) =>
    [...contentOf([run])].every(([digest, found]) => digest === found)
      ? Promise.resolve(run)
      : Promise.reject(corrupt('CHUNK_CORRUPT', 'a chunk has another digest')),
  )

describe('copying chunks', () => {
  test('brings every chunk', async () => {
    const store = emptyStore()
    expect(await copy({ store, sources: () => [portal(good)] })).toEqual(new Map([['portal', 100]]))
    expect(contentOf(await collect(store.fetch(digests)))).toEqual(storedOf(chunks))
  })

  test('uses peers, and the portal only for what they lack', async () => {
    const half = peer('half', holding(chunks.slice(0, 55)))
    const served = await copy({ sources: () => [half, portal(good)] })
    expect(served).toEqual(
      new Map([
        ['half', 55],
        ['portal', 45],
      ]),
    )
  })

  test('spreads the batches over the peers', async () => {
    const peers = ['a', 'b'].map((name) => peer(name, good))
    const served = await copy({ sources: () => [...peers, portal(good)] })
    expect([...served.keys()].toSorted()).toEqual(['a', 'b'])
  })

  test('uses a peer that appears midway', async () => {
    const sources = [portal(good)]
    const from: string[] = []
    const onRun = (_: Run, { name }: RankedSource): void => {
      if (from.push(name) === 1) sources.push(peer('late', good))
    }
    await copy({ sources: () => sources, inFlight: 1, onRun })
    expect([from.at(0), from.at(-1)]).toEqual(['portal', 'late'])
  })

  test.each([
    ['refuses', refusing],
    ['truncates', truncating],
    ['lies', checked(lying)],
    ['sends more than was asked for', chatty],
    ['stalls', stalling],
    ['claims to hold all and has nothing', empty],
  ])('goes on elsewhere when a peer %s', async (_, bad) => {
    const store = emptyStore()
    const sources = () => [peer('bad', bad), portal(good)]
    const served = await copy({ store, sources, stallMs: 50 })
    expect(served.get('portal')).toBeGreaterThan(50)
    expect(contentOf(await collect(store.fetch(digests)))).toEqual(storedOf(chunks))
  })

  test('lets a source that failed sit out', async () => {
    let asked = 0
    const failing = { ...refusing, missing: () => refusing.missing([]).finally(() => asked++) }
    await copy({ sources: () => [peer('bad', failing), portal(good)], inFlight: 1 })
    expect(asked).toBe(1)
  })

  test('asks who sits out rather than give up', async () => {
    const hiccupAt = (call: number): ChunkSource => {
      let calls = 0
      const fetch: ChunkSource['fetch'] = (asked) =>
        (calls++ === call ? refusing : good).fetch(asked)
      return { ...good, fetch }
    }
    const sources = [peer('p1', hiccupAt(0)), portal(hiccupAt(1))]
    const served = await copy({ sources: () => sources, inFlight: 1 })
    expect(served).toEqual(
      new Map([
        ['portal', 10],
        ['p1', 90],
      ]),
    )
  })
})

describe('a copy that fails', () => {
  test('names each source and why', async () => {
    const sources = () => [peer('p1', refusing), peer('p2', empty), portal(checked(lying))]
    const failed = copy({ sources, inFlight: 1, retries: 0 })
    await expect(failed).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'UNREACHABLE',
      message: expect.stringMatching(/p1: the line is dead; p2: .* early; portal: .* digest/),
      facts: { sources: 'p1 p2 portal' },
    })
  })

  test('of chunks that nobody holds is CHUNK_NOT_FOUND', async () => {
    const sources = () => [peer('p1', holding([]))]
    await expect(copy({ sources })).rejects.toMatchObject({ reason: 'CHUNK_NOT_FOUND' })
    await expect(copy({ sources: () => [] })).rejects.toMatchObject({ reason: 'UNREACHABLE' })
  })

  test('keeps what came before', async () => {
    const store = emptyStore()
    const most = portal(holding(chunks.slice(0, 95)))
    await expect(copy({ store, sources: () => [most], inFlight: 1 })).rejects.toThrow('early')
    expect((await store.missing(digests)).length).toBeLessThanOrEqual(10)
  })

  test('for a full disk ends at once with that', async () => {
    const full = exhausted('DISK_FULL', 'no space is left')
    let fetches = 0
    const counting = { ...good, fetch: (asked: typeof digests) => (fetches++, good.fetch(asked)) }
    const store: ChunkStore = {
      ...emptyStore(),
      async store(runs) {
        for await (const run of runs) if (run.entries.length > 0) throw full
      },
    }
    await expect(copy({ store, sources: () => [portal(counting)] })).rejects.toBe(full)
    expect(fetches).toBeLessThanOrEqual(5)
  })

  test('when it is stopped, while its source hangs, ends with the reason', async () => {
    const stop = new AbortController()
    const reason = new Error('shutting down')
    const hanging = {
      ...good,
      async *fetch(): AsyncGenerator<Run> {
        stop.abort(reason)
        yield await Promise.withResolvers<never>().promise
      },
    }
    const stopped = copy({ sources: () => [portal(hanging)], signal: stop.signal })
    await expect(stopped).rejects.toBe(reason)
  })
})
