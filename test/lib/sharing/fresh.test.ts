import { describe, expect, test } from '@jest/globals'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ChunkStore, Run } from '../../../lib/chunks/source.ts'
import { release } from '../../../lib/memory.ts'
import { fresh } from '../../../lib/sharing/fresh.ts'
import { collect, noise, rawChunk, runsOf } from '../../support/chunks.ts'

const chunks = Array.from({ length: 8 }, (_, i) => rawChunk(noise(String(i), 20_000)))
const digests = chunks.map(({ entry }) => entry.digest)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The memory of buffers that somebody still holds. */
function heldBytes(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** A store that has nothing, takes what it is given and gives its memory back, and is done when it is told. */
function slowStore() {
  const [taken, done] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
  const store: ChunkStore = {
    missing: (asked) => Promise.resolve([...asked]),
    fetch: () => runsOf([]),
    remove: () => Promise.resolve(),
    async store(runs) {
      for await (const { payload } of runs) release(payload)
      taken.resolve(undefined)
      await done.promise
    },
  }
  return { store, taken: taken.promise, done }
}

describe('chunks on their way into a store', () => {
  test('are served before they are durable, and not remembered afterwards', async () => {
    const { store, taken, done } = slowStore()
    const shelf = fresh(store, () => true)
    const storing = shelf.store.store(runsOf(chunks, 8))
    await taken
    expect(await shelf.served.missing(digests)).toEqual([])
    for (let round = 0; round < 2; round++) {
      const runs = await collect(shelf.served.fetch(digests))
      const bytes = Buffer.concat(runs.map(({ payload }) => payload))
      expect(bytes.equals(Buffer.concat(chunks.map(({ stored }) => stored)))).toBe(true)
      for (const { payload } of runs) release(payload)
    }
    expect(await shelf.store.missing(digests)).toEqual(digests)
    done.resolve(undefined)
    await storing
    expect(await shelf.served.missing(digests)).toEqual(digests)
  })

  test('are forgotten when the store fails', async () => {
    const { store, taken, done } = slowStore()
    const shelf = fresh(store, () => true)
    const storing = shelf.store.store(runsOf(chunks, 8))
    await taken
    done.reject(new Error('disk full'))
    await expect(storing).rejects.toThrow('disk full')
    expect(await shelf.served.missing(digests)).toEqual(digests)
  })

  test('are remembered up to so many bytes, the latest', async () => {
    const { store, taken, done } = slowStore()
    const shelf = fresh(store, () => true, 50_000)
    const storing = shelf.store.store(runsOf(chunks, 1))
    await taken
    expect(await shelf.served.missing(digests)).toEqual(digests.slice(0, 6))
    done.resolve(undefined)
    await storing
  })

  test('take no memory any more once they are forgotten, however long the store goes on', async () => {
    const { store, taken, done } = slowStore()
    const shelf = fresh(store, () => true, 1_000_000)
    const before = heldBytes()
    async function* many(): AsyncGenerator<Run> {
      for (let i = 0; i < 100; i++) yield* runsOf([rawChunk(noise(`many ${i}`, 250_000))])
    }
    const storing = shelf.store.store(many())
    await taken
    // Buffers that are garbage are counted until they are swept, in another thread; what is kept is counted for ever.
    while (heldBytes() - before >= 4_000_000) await setTimeout(10)
    done.resolve(undefined)
    await storing
  })

  test('cost nothing while nobody wants them', async () => {
    const { store, taken, done } = slowStore()
    const shelf = fresh(store, () => false)
    const storing = shelf.store.store(runsOf(chunks, 8))
    await taken
    expect(await shelf.served.missing(digests)).toEqual(digests)
    done.resolve(undefined)
    await storing
  })
})
