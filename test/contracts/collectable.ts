import { describe, expect, test } from '@jest/globals'
import type { CollectableIndex } from '../../lib/chunks/collectable.ts'
import { layOut, packSizeOf } from '../../lib/chunks/pack.ts'
import type { ChunkIndex } from '../../lib/chunks/places.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { chunksOf, digestsOf, type Chunk } from '../support/chunks.ts'

export interface OpenCollectable extends AsyncDisposable {
  readonly index: ChunkIndex
  readonly collectable: CollectableIndex
  /** Something needs these chunks from now on; answers with those that are not there. */
  readonly need: (digests: readonly Digest[]) => Promise<Digest[]>
  /** Nothing does any more. */
  readonly drop: () => Promise<void>
}

const day = 86_400_000
const entriesOf = (chunks: readonly Chunk[]) => layOut(chunks.map(({ entry }) => entry))
const bytesOf = (chunks: readonly Chunk[]) =>
  chunks.reduce((sum, { entry }) => sum + entry.storedBytes, 0)
const tallyOf = (chunks: readonly Chunk[]) => ({ chunks: chunks.length, bytes: bytesOf(chunks) })
const none = { chunks: 0, bytes: 0 }

/** What the index of every collected store does; `open` makes an empty one. */
export function collectableContract(name: string, open: () => Promise<OpenCollectable>): void {
  const [one, two] = [chunksOf('one', 30), chunksOf('two', 30)]

  describe(`${name} can be collected`, () => {
    test('what nothing needs is condemned, can still be read, and is doomed after its time', async () => {
      await using opened = await open()
      const { index, collectable, need } = opened
      await index.record('packs/1', 1000, entriesOf([...one, ...two]))
      await need(digestsOf(one))
      expect(await collectable.condemn(0, true)).toEqual(tallyOf(two))
      expect(await collectable.condemn(0, false)).toEqual(tallyOf(two))
      expect(await collectable.condemn(0, false)).toEqual(none)
      expect(await index.absent(digestsOf(two))).toEqual([])
      expect(await collectable.doom(day, false)).toEqual(none)
      expect((await index.locate(digestsOf(two))).size).toBe(two.length)
      expect(await collectable.doom(0, true)).toEqual(tallyOf(two))
      expect(await collectable.doom(0, false)).toEqual(tallyOf(two))
      expect(await index.absent(digestsOf([...one, ...two]))).toEqual(digestsOf(two))
    })

    test('a chunk within its grace is left alone', async () => {
      await using opened = await open()
      const { index, collectable } = opened
      await index.record('packs/1', 1000, entriesOf(one))
      expect(await collectable.condemn(day, false)).toEqual(none)
    })

    test('a need brings a condemned chunk back, and tells which are gone', async () => {
      await using opened = await open()
      const { index, collectable, need } = opened
      await index.record('packs/1', 1000, entriesOf([...one, ...two]))
      await collectable.condemn(0, false)
      expect(await need(digestsOf(one))).toEqual([])
      expect(collectable.takeRevived()).toBe(one.length)
      expect(collectable.takeRevived()).toBe(0)
      expect(await collectable.doom(0, false)).toEqual(tallyOf(two))
      expect(await need(digestsOf([...one, ...two]))).toEqual(digestsOf(two))
    })

    test('what is needed before it comes is kept from the moment it does', async () => {
      await using opened = await open()
      const { index, collectable, need } = opened
      expect(await need(digestsOf(one))).toEqual(digestsOf(one))
      await index.record('packs/1', 1000, entriesOf(one))
      expect(await collectable.condemn(0, false)).toEqual(none)
    })

    test('what is not needed any more goes', async () => {
      await using opened = await open()
      const { index, collectable, need, drop } = opened
      await index.record('packs/1', 1000, entriesOf(one))
      await need(digestsOf(one))
      await drop()
      expect(await collectable.condemn(0, false)).toEqual(tallyOf(one))
    })

    test('thousands go as a few do', async () => {
      await using opened = await open()
      const { index, collectable, need } = opened
      const many = chunksOf('many', 9000, 1)
      await index.record('packs/1', 1000, entriesOf(many))
      const kept = many.filter((_, i) => i % 3 === 0)
      await need(digestsOf(kept))
      expect((await collectable.condemn(0, false)).chunks).toBe(6000)
      expect((await collectable.doom(0, false)).chunks).toBe(6000)
      expect((await index.locate(digestsOf(many))).size).toBe(3000)
    })

    test('tells what of a pack is somebody’s, as it will be once the doomed are gone', async () => {
      await using opened = await open()
      const { index, collectable, need } = opened
      await index.record('packs/1', 5000, entriesOf([...one, ...two]))
      await index.record('packs/2', 6000, entriesOf(two))
      await need(digestsOf(one))
      await collectable.condemn(0, false)
      const whole = { chunks: 60, chunkBytes: bytesOf([...one, ...two]) }
      const left = { chunks: 30, chunkBytes: bytesOf(one) }
      const empty = { key: 'packs/2', sizeBytes: 6000, chunks: 0, chunkBytes: 0 }
      const pack = { key: 'packs/1', sizeBytes: 5000 }
      expect(await collectable.packUse(day)).toEqual([{ ...pack, ...whole }, empty])
      expect(await collectable.packUse(0)).toEqual([{ ...pack, ...left }, empty])
      await collectable.doom(0, false)
      expect(await collectable.packUse(day)).toEqual([{ ...pack, ...left }, empty])
      expect(await collectable.contents('packs/1')).toEqual(entriesOf(one))
    })

    test('a copy takes the chunks over, and the packs that it was made of are doomed', async () => {
      await using opened = await open()
      const { index, collectable } = opened
      await index.record('packs/1', 5000, entriesOf(one))
      await index.record('packs/2', 6000, entriesOf(two))
      const entries = entriesOf([...one, ...two])
      const by = { key: 'packs/3', sizeBytes: packSizeOf(60, bytesOf([...one, ...two])) }
      await collectable.replace(['packs/1', 'packs/2'], by, entries)
      const places = await index.locate(digestsOf([...one, ...two]))
      for (const { digest, ...place } of entries) {
        expect(places.get(digest)).toEqual({ ...place, pack: 'packs/3' })
      }
      expect(await collectable.doomedPacks()).toEqual([
        { key: 'packs/1', sizeBytes: 5000 },
        { key: 'packs/2', sizeBytes: 6000 },
      ])
    })

    test('a copy may have the chunks in another form', async () => {
      await using opened = await open()
      const { index, collectable } = opened
      await index.record('packs/1', 50_000, entriesOf(one))
      const smaller = layOut(
        one.map(({ entry }, i) => ({ ...entry, codec: 'zstd', storedBytes: 100 + i })),
      )
      await collectable.replace(['packs/1'], { key: 'packs/2', sizeBytes: 5000 }, smaller)
      expect(await collectable.contents('packs/2')).toEqual(smaller)
    })

    test('a pack whose chunks were not all copied stays', async () => {
      await using opened = await open()
      const { index, collectable } = opened
      await index.record('packs/1', 5000, entriesOf(one))
      const by = { key: 'packs/2', sizeBytes: 1000 }
      await collectable.replace(['packs/1'], by, entriesOf(one.slice(1)))
      expect(await collectable.doomedPacks()).toEqual([])
      expect((await index.locate(digestsOf(one))).size).toBe(one.length)
    })

    test('only a pack without chunks can be doomed, and its key is never recorded again', async () => {
      await using opened = await open()
      const { index, collectable } = opened
      await index.record('packs/1', 5000, entriesOf(one))
      await index.record('packs/2', 6000, [])
      await collectable.doomPacks(['packs/1', 'packs/2', 'packs/3'])
      expect(await collectable.doomedPacks()).toEqual([{ key: 'packs/2', sizeBytes: 6000 }])
      const again = { kind: 'missing', reason: 'CHUNK_NOT_FOUND' }
      await expect(index.record('packs/2', 6000, entriesOf(two))).rejects.toMatchObject(again)
      await collectable.deleted('packs/2')
      expect(await collectable.doomedPacks()).toEqual([])
      await expect(index.record('packs/2', 6000, entriesOf(two))).rejects.toMatchObject(again)
      expect(await index.absent(digestsOf(two))).toEqual(digestsOf(two))
    })

    test('an orphan is claimed once, and not by a writer who comes late; a recorded pack is none', async () => {
      await using opened = await open()
      const { index, collectable } = opened
      await index.record('packs/1', 5000, entriesOf(one))
      expect(await collectable.unrecorded(['packs/1', 'packs/2'])).toEqual(['packs/2'])
      const orphan = { key: 'packs/2', sizeBytes: 6000 }
      expect(await collectable.claim({ key: 'packs/1', sizeBytes: 5000 })).toBe(false)
      expect(await collectable.claim(orphan)).toBe(true)
      expect(await collectable.claim(orphan)).toBe(false)
      expect(await collectable.unrecorded(['packs/1', 'packs/2'])).toEqual([])
      expect(await collectable.doomedPacks()).toEqual([orphan])
      await expect(index.record('packs/2', 6000, entriesOf(two))).rejects.toMatchObject({
        reason: 'CHUNK_NOT_FOUND',
      })
    })
  })
}
