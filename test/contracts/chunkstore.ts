import { describe, expect, test } from '@jest/globals'
import { type ChunkStore, maxRunBytes, type Run } from '../../lib/chunks/source.ts'
import {
  type Chunk,
  chunksOf,
  collect,
  contentOf,
  digestsOf,
  noise,
  rawChunk,
  runsOf,
  storedOf,
  zstdChunk,
} from '../support/chunks.ts'

export interface OpenStore extends AsyncDisposable {
  readonly store: ChunkStore
}

/** What every chunk store does; `open` makes an empty one. */
export function chunkStoreContract(name: string, open: () => Promise<OpenStore>): void {
  const few = chunksOf(name, 10)
  const image = Array.from({ length: 60 }, (_, i) => rawChunk(noise(`${name} ${i}`, 40_000 + i)))

  async function withStore(
    act: (store: ChunkStore) => Promise<void>,
    chunks: readonly Chunk[] = [],
  ): Promise<void> {
    await using opened = await open()
    await opened.store.store(runsOf(chunks))
    await act(opened.store)
  }

  describe(`${name} is a chunk store`, () => {
    test('an empty one lacks everything, each once and in the order asked', async () => {
      await withStore(async (store) => {
        const digests = digestsOf(few)
        expect(await store.missing([...digests, ...digests])).toEqual(digests)
      })
    })

    test('what is stored is not missing, also between what is', async () => {
      await withStore(
        async (store) => {
          const [first, second] = [digestsOf(few.slice(0, 5)), digestsOf(few.slice(5))]
          expect(await store.missing([...second, ...first])).toEqual(second)
        },
        few.slice(0, 5),
      )
    })

    test('what is stored comes back byte for byte, each once', async () => {
      const chunks = [...few, zstdChunk(Buffer.alloc(100_000, 'merge'))]
      await withStore(async (store) => {
        const digests = digestsOf(chunks)
        const runs = await collect(store.fetch([...digests.toReversed(), ...digests]))
        const entries = runs.flatMap((run) => run.entries)
        expect(entries).toHaveLength(chunks.length)
        expect(new Set(entries)).toEqual(new Set(chunks.map(({ entry }) => entry)))
        expect(contentOf(runs)).toEqual(storedOf(chunks))
      }, chunks)
    })

    test('runs are no longer than the longest run', async () => {
      await withStore(async (store) => {
        const runs = await collect(store.fetch(digestsOf(image)))
        expect(Math.max(...runs.map(({ payload }) => payload.length))).toBeLessThanOrEqual(
          maxRunBytes,
        )
        expect(contentOf(runs)).toEqual(storedOf(image))
      }, image)
    })

    test('every other chunk comes back without those between', async () => {
      await withStore(async (store) => {
        const wanted = image.filter((_, i) => i % 2 === 0)
        expect(contentOf(await collect(store.fetch(digestsOf(wanted))))).toEqual(storedOf(wanted))
      }, image)
    })

    test('a chunk that is not there ends a fetch with CHUNK_NOT_FOUND', async () => {
      await withStore(async (store) => {
        const fetched = collect(store.fetch(digestsOf(few)))
        await expect(fetched).rejects.toMatchObject({ reason: 'CHUNK_NOT_FOUND' })
      }, few.slice(1))
    })

    test('nothing asked is nothing fetched, and nothing given is nothing stored', async () => {
      await withStore(async (store) => {
        await store.store(runsOf([]))
        expect(await collect(store.fetch([]))).toEqual([])
        expect(await store.missing([])).toEqual([])
      })
    })

    test('a chunk may come again, in the same stream, in another and in one at the same time', async () => {
      await withStore(async (store) => {
        await Promise.all([
          store.store(runsOf([...image, ...few, ...few])),
          store.store(runsOf([...few, ...image.toReversed()])),
          store.store(runsOf(image)),
        ])
        await store.store(runsOf(few))
        const all = [...few, ...image]
        expect(contentOf(await collect(store.fetch(digestsOf(all))))).toEqual(storedOf(all))
      })
    })

    test('each of many streams at once is durable when its own promise resolves', async () => {
      await withStore(async (store) => {
        const parts = Array.from({ length: 12 }, (_, i) => image.slice(i * 5, i * 5 + 5))
        await Promise.all(
          parts.map(async (part) => {
            await store.store(runsOf(part, 2))
            expect(contentOf(await collect(store.fetch(digestsOf(part))))).toEqual(storedOf(part))
          }),
        )
      })
    })

    test('a failing input fails the store with the same error, which takes more afterwards', async () => {
      await withStore(async (store) => {
        const cut = new Error('the line was cut')
        async function* broken(): AsyncGenerator<Run> {
          yield* runsOf(few)
          throw cut
        }
        await expect(store.store(broken())).rejects.toBe(cut)
        await store.store(runsOf(image))
        expect(await store.missing(digestsOf(image))).toEqual([])
      })
    })

    test('an aborted signal stops a store and a fetch', async () => {
      await withStore(async (store) => {
        const gone = AbortSignal.abort(new Error('no more'))
        await expect(store.store(runsOf(image), gone)).rejects.toThrow('no more')
        await expect(collect(store.fetch(digestsOf(few), gone))).rejects.toThrow('no more')
      }, few)
    })

    test('a reader may leave early', async () => {
      await withStore(
        async (store) => {
          for await (const run of store.fetch(digestsOf(image))) {
            expect(run.entries.length).toBeGreaterThan(0)
            break
          }
          expect(await collect(store.fetch(digestsOf(few)))).not.toEqual([])
        },
        [...few, ...image],
      )
    })

    test('what is removed is missing, can be stored again, and removing what is not there is nothing', async () => {
      await withStore(async (store) => {
        const [gone, rest] = [few.slice(0, 3), few.slice(3)]
        await store.remove([...digestsOf(gone), ...digestsOf(image)])
        expect(await store.missing(digestsOf(few))).toEqual(digestsOf(gone))
        expect(contentOf(await collect(store.fetch(digestsOf(rest))))).toEqual(storedOf(rest))
        await store.store(runsOf(gone))
        expect(await store.missing(digestsOf(few))).toEqual([])
      }, few)
    })
  })
}
