import { describe, expect, test } from '@jest/globals'
import { packStore } from '../../../lib/chunks/packs.ts'
import type { ChunkStore, Run } from '../../../lib/chunks/source.ts'
import { exhausted } from '../../../lib/failure.ts'
import { blobsInMemory } from '../../support/blobs.ts'
import { chunksOf, collect, digestsOf, runsOf } from '../../support/chunks.ts'
import { placesInMemory } from '../../support/places.ts'

const packBytes = 30_000
const chunks = chunksOf('packing', 200)

interface Watched {
  readonly store: ChunkStore
  readonly blobs: ReturnType<typeof blobsInMemory>
  readonly puts: { now: number; most: number; sizes: number[] }
}

/** A store whose puts are counted, and fail from the given one on. */
function watched(failFrom = Infinity): Watched {
  const blobs = blobsInMemory()
  const puts: Watched['puts'] = { now: 0, most: 0, sizes: [] }
  const put: typeof blobs.put = async (key, parts) => {
    const copies: Buffer[] = []
    for await (const part of parts) {
      if (puts.sizes.length >= failFrom) throw exhausted('DISK_FULL', 'no space is left')
      copies.push(Buffer.from(part))
    }
    puts.most = Math.max(puts.most, ++puts.now)
    puts.sizes.push(copies.reduce((sum, part) => sum + part.length, 0))
    await new Promise((resolve) => setImmediate(resolve))
    puts.now--
    await blobs.put(key, copies)
  }
  let id = 0
  const deps = { blobs: { ...blobs, put }, index: placesInMemory(), packBytes }
  return { store: packStore({ ...deps, newId: () => `id${id++}` }), blobs, puts }
}

describe('packing', () => {
  test('fills packs up to their size, and no more than three are made durable at once', async () => {
    const { store, puts } = watched()
    await store.store(runsOf(chunks, 20))
    expect(puts.most).toBeGreaterThan(1)
    expect(puts.most).toBeLessThanOrEqual(3)
    expect(puts.sizes.length).toBeLessThan(1.2 * ((200 * 1150) / packBytes) + 1)
    expect(Math.max(...puts.sizes)).toBeLessThan(packBytes + 48 * 25 + 56)
  })

  test('writes each chunk once, however many store it at the same time', async () => {
    const { store, puts } = watched()
    await Promise.all(Array.from({ length: 5 }, () => store.store(runsOf(chunks, 7))))
    const stored = chunks.reduce((sum, { stored }) => sum + stored.length, 0)
    const written = puts.sizes.reduce((sum, size) => sum + size, 0)
    expect(written).toBeLessThan(stored + 200 * 48 + puts.sizes.length * 64 + 1)
  })

  test('shares packs between writers, instead of a small one for each', async () => {
    const { store, puts } = watched()
    const writers = Array.from({ length: 20 }, (_, i) => chunks.slice(i * 10, i * 10 + 10))
    await Promise.all(writers.map((part) => store.store(runsOf(part, 2))))
    expect(puts.sizes.length).toBeLessThan(20)
    expect(puts.most).toBeLessThanOrEqual(3)
  })

  test('a full disk fails every writer whose chunks were lost, soon, and the store recovers', async () => {
    const { store } = watched(3)
    let given = 0
    async function* counting(part: typeof chunks): AsyncGenerator<Run> {
      for await (const run of runsOf(part, 2)) {
        given++
        yield run
      }
    }
    const results = await Promise.allSettled([
      store.store(counting(chunks.slice(0, 100))),
      store.store(counting(chunks.slice(100))),
    ])
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { reason: 'DISK_FULL' } })
    }
    expect(given).toBeLessThan(100)
    const missing = await store.missing(digestsOf(chunks))
    expect(missing.length).toBeGreaterThan(0)
    const there = digestsOf(chunks).filter((digest) => !missing.includes(digest))
    expect((await collect(store.fetch(there))).length).toBeGreaterThan(0)
  })

  test('what came before its input failed is kept', async () => {
    const { store } = watched()
    async function* broken(): AsyncGenerator<Run> {
      yield* runsOf(chunks.slice(0, 10))
      throw new Error('cut')
    }
    await expect(store.store(broken())).rejects.toThrow('cut')
    expect(await store.missing(digestsOf(chunks))).toEqual(digestsOf(chunks.slice(10)))
  })

  test('reading an image straight on makes long runs', async () => {
    const { store } = watched()
    await store.store(runsOf(chunks, 20))
    const runs = await collect(store.fetch(digestsOf(chunks)))
    expect(runs.length).toBeLessThan((200 * 1150) / packBytes + 3)
  })
})
