import { describe, expect, test } from '@jest/globals'
import type { BlobStore } from '../../../lib/chunks/blobs.ts'
import { packStore } from '../../../lib/chunks/packs.ts'
import type { ChunkIndex } from '../../../lib/chunks/places.ts'
import { rebuild } from '../../../lib/chunks/rebuild.ts'
import type { ChunkStore } from '../../../lib/chunks/source.ts'
import { blobsInMemory } from '../../support/blobs.ts'
import { chunksOf, collect, contentOf, digestsOf, runsOf, storedOf } from '../../support/chunks.ts'
import { placesInMemory } from '../../support/places.ts'

const chunks = chunksOf('rebuild', 50)
const digests = digestsOf(chunks)

function storeOver(blobs: BlobStore, index: ChunkIndex): ChunkStore {
  let id = 0
  return packStore({ blobs, index, newId: () => `id${id++}`, packBytes: 10_000 })
}

describe('a rebuild', () => {
  test('finds everything again when the index is lost', async () => {
    const blobs = blobsInMemory()
    await storeOver(blobs, placesInMemory()).store(runsOf(chunks))
    const index = placesInMemory()
    const { packs, chunks: found, damaged } = await rebuild(blobs, index)
    expect({ found, damaged }).toEqual({ found: chunks.length, damaged: [] })
    expect(packs).toBeGreaterThan(3)
    const runs = await collect(storeOver(blobs, index).fetch(digests))
    expect(contentOf(runs)).toEqual(storedOf(chunks))
  })

  test('finds a pack that a crash left between its bytes and its rows', async () => {
    const blobs = blobsInMemory()
    const index = placesInMemory()
    const crashing = { ...index, record: () => Promise.reject(new Error('crashed')) }
    await expect(storeOver(blobs, crashing).store(runsOf(chunks.slice(0, 5)))).rejects.toThrow(
      'crashed',
    )
    expect(await index.absent(digests)).toEqual(digests)
    await rebuild(blobs, index)
    expect(await index.absent(digests)).toEqual(digests.slice(5))
  })

  test('passes over a damaged pack and names it', async () => {
    const blobs = blobsInMemory()
    await storeOver(blobs, placesInMemory()).store(runsOf(chunks))
    const [first] = await collect(blobs.list('packs/'))
    const { key = '', sizeBytes = 0 } = first ?? {}
    const cut = await blobs.range(key, 0, sizeBytes - 1)
    await blobs.delete(key)
    await blobs.put(key, [cut])
    const rebuilt = await rebuild(blobs, placesInMemory())
    expect(rebuilt.damaged).toMatchObject([{ pack: key, failure: { reason: 'PACK_CORRUPT' } }])
    expect(rebuilt.chunks).toBeLessThan(chunks.length)
  })
})
