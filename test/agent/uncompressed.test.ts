import { expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { openAgentDatabase } from '../../agent/database.ts'
import { imagesIn } from '../../agent/images.ts'
import { needsIn } from '../../agent/needs.ts'
import { placesIn } from '../../agent/places.ts'
import { storageOn } from '../../agent/storage.ts'
import { uncompressedIn } from '../../agent/uncompressed.ts'
import { openDirectory } from '../../lib/chunks/directory.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { diskOf } from '../../lib/disk.ts'
import { startPool } from '../../lib/workers/pool.ts'
import { chunksOf, digestsOf, runsOf, zstdChunk } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import { placesInMemory } from '../support/places.ts'

test('tells which images have chunks that are to be compressed, until all of them are', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path, () => new Date())
  const uncompressed = uncompressedIn(db)
  const places = placesIn(db, uncompressed.recorded)
  const [old, young] = [chunksOf('old', 3), chunksOf('young', 3)]
  uncompressed.add(digestsOf(young.slice(1)))
  expect(uncompressed.packs(9)).toEqual([])
  for (const [name, chunks] of [
    ['old', old],
    ['young', young],
  ] as const) {
    const digest = sha256(Buffer.from(name))
    await needsIn(db).add(digest, digestsOf(chunks))
    await places.record(`packs/${name}`, 5000, layOut(chunks.map(({ entry }) => entry)))
    imagesIn(db).show(Image.create({ name, digest: `sha256:${digest}` }))
  }
  expect(uncompressed.images()).toEqual(['young'])
  expect(uncompressed.packs(9)).toEqual(['packs/young'])
  uncompressed.settle('packs/old')
  expect(uncompressed.images()).toEqual(['young'])
  uncompressed.settle('packs/young')
  expect(uncompressed.images()).toEqual([])
})

test('what arrives compressed after all is not marked', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path, () => new Date())
  const uncompressed = uncompressedIn(db)
  const small = zstdChunk(Buffer.alloc(9000, 'words '))
  uncompressed.add(digestsOf([small]))
  await placesIn(db, uncompressed.recorded).record('packs/1', 5000, layOut([small.entry]))
  expect(uncompressed.packs(9)).toEqual([])
})

test('a pack whose rows a crash took is marked again, but not a whole store', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const db = stack.adopt(openAgentDatabase(folder.path), (opened) => {
    opened.close()
  })
  const blobs = stack.use(await openDirectory({ path: folder.path, startedAt: 0 }))
  const ground = { db, blobs, pool: startPool(1), disk: () => diskOf(folder.path) }
  const deps = { now: () => new Date(), newUlid: ulid, log: recorder().log }
  const lostPack = (seed: string) =>
    packStore({ blobs, index: placesInMemory(), newId: ulid }).store(runsOf(chunksOf(seed, 3)))
  await lostPack('all rows are lost')
  expect((await storageOn(ground, deps)).uncompressed.packs(9)).toEqual([])
  await lostPack('these rows are lost')
  expect((await storageOn(ground, deps)).uncompressed.packs(9)).toHaveLength(1)
})
