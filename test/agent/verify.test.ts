import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { verifyImage } from '../../agent/verify.ts'
import { openDirectory } from '../../lib/chunks/directory.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { chunksOf, cutSegment } from '../../lib/content/extents.ts'
import { chunkDigests, type Manifest } from '../../lib/content/manifest.ts'
import { collect, noise, rawChunk, runsOf, zstdChunk } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf } from '../support/images.ts'
import { placesInMemory } from '../support/places.ts'

const signal = new AbortController().signal
const name = 'debian-13.0-std-x86-20260615'

/** Noise, zeros and text: chunks of both codecs, and holes. */
const disk = Buffer.concat([
  Buffer.alloc(300_000),
  noise('disk', 700_000),
  Buffer.alloc(500_000),
  Buffer.alloc(400_000, 'the same words again and again. '),
  Buffer.alloc(1_200_000),
])

/** A store on a disk that holds the image. */
async function stored(bytes: Buffer) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const blobs = stack.use(await openDirectory({ path: folder.path, startedAt: 0 }))
  const index = placesInMemory()
  const store = packStore({ blobs, index, newId: () => 'only' })
  const chunks = [...chunksOf(cutSegment(bytes))].map(({ offset, length }) => {
    const raw = bytes.subarray(offset, offset + length)
    return raw[0] === raw[32] ? zstdChunk(raw) : rawChunk(raw)
  })
  await store.store(runsOf(chunks))
  return { folder: folder.path, index, store, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const verify = async (manifest: Manifest, { store }: Awaited<ReturnType<typeof stored>>) =>
  (await collect(verifyImage(name, manifest, store, signal))).at(-1)

/** Flips one bit of the pack. */
async function flip(folder: string, at: number): Promise<void> {
  const all = await readdir(folder, { recursive: true })
  const pack = all.find((path) => path.endsWith('only')) ?? ''
  await using file = await open(join(folder, pack), 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0x10]), 0, 1, at)
}

describe('verification', () => {
  test('passes what is whole, holes and all, and counts its data', async () => {
    await using image = await stored(disk)
    const manifest = manifestOf(disk)
    const lengths = manifest.artifacts[0]?.extents.lengths ?? []
    const data = lengths.filter((length) => length > 0).reduce((sum, length) => sum + length)
    expect(data).toBeLessThan(disk.length)
    expect(await verify(manifest, image)).toEqual({ doneBytes: data })
  })

  test('finds a flipped bit in every chunk of a pack', async () => {
    await using image = await stored(disk)
    const manifest = manifestOf(disk)
    const places = await image.index.locate(chunkDigests(manifest))
    expect(new Set([...places.values()].map(({ codec }) => codec))).toEqual(
      new Set(['raw', 'zstd']),
    )
    for (const [digest, { offset, storedBytes }] of places) {
      const at = offset + Math.floor(storedBytes / 2)
      await flip(image.folder, at)
      await expect(verify(manifest, image)).rejects.toMatchObject({
        kind: 'corrupt',
        reason: 'CHUNK_CORRUPT',
        facts: { digest },
      })
      await flip(image.folder, at)
    }
    await verify(manifest, image)
  })

  test('finds a file whose chunks are right and whose SHA-256 is not', async () => {
    await using image = await stored(disk)
    const [artifact] = manifestOf(disk).artifacts
    if (artifact === undefined) throw new Error('a manifest without a file')
    const manifest = { artifacts: [{ ...artifact, sha256: sha256(Buffer.from('other')) }] }
    await expect(verify(manifest, image)).rejects.toMatchObject({
      kind: 'corrupt',
      reason: 'CHUNK_CORRUPT',
      message: expect.stringContaining('SHA-256 that its publisher gave'),
      facts: { name, kind: 'rootfs' },
    })
  })

  test('misses a chunk that is not there', async () => {
    await using image = await stored(disk)
    const manifest = manifestOf(disk)
    const [, lost] = chunkDigests(manifest)
    if (lost === undefined) throw new Error('an image of one chunk')
    await image.store.remove([lost])
    await expect(verify(manifest, image)).rejects.toMatchObject({
      reason: 'CHUNK_NOT_FOUND',
      facts: { digest: lost },
    })
  })

  test('passes a file of zeros only, and an empty one', async () => {
    for (const bytes of [Buffer.alloc(2_500_000), Buffer.alloc(0)]) {
      await using image = await stored(bytes)
      await verify(manifestOf(bytes), image)
    }
  })
})
