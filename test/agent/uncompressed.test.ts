import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { openAgentDatabase } from '../../agent/database.ts'
import { fsckAgent } from '../../agent/fsck.ts'
import { imagesIn } from '../../agent/images.ts'
import { needsIn } from '../../agent/needs.ts'
import { placesIn } from '../../agent/places.ts'
import { storageOn } from '../../agent/storage.ts'
import { uncompressedIn } from '../../agent/uncompressed.ts'
import { openDirectory } from '../../lib/chunks/directory.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import type { ChunkIndex } from '../../lib/chunks/places.ts'
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
  const pool = stack.use(startPool(1))
  const ground = { db, blobs, pool, disk: () => diskOf(folder.path) }
  const deps = { now: () => new Date(), newUlid: ulid, log: recorder().log }
  const lostPack = (seed: string) =>
    packStore({ blobs, index: placesInMemory(), newId: ulid }).store(runsOf(chunksOf(seed, 3)))
  await lostPack('all rows are lost')
  expect((await storageOn(ground, deps)).uncompressed.packs(9)).toEqual([])
  await lostPack('these rows are lost')
  expect((await storageOn(ground, deps)).uncompressed.packs(9)).toHaveLength(1)
})

test('a pack whose rows a repair finds again is marked', async () => {
  await using stack = new AsyncDisposableStack()
  const { path: data } = stack.use(await temporaryFolder())
  const store = async (seed: string, index: ChunkIndex): Promise<void> => {
    await using blobs = await openDirectory({ path: join(data, 'chunks'), startedAt: 0 })
    await packStore({ blobs, index, newId: ulid }).store(runsOf(chunksOf(seed, 3)))
  }
  const db = openAgentDatabase(data)
  await store('these rows are there', placesIn(db))
  db.close()
  await store('these rows are lost', placesInMemory())
  const world = { now: () => new Date(), newUuid: randomUUID, threads: 1, tell: () => undefined }
  await fsckAgent(
    { data, read: false, repair: true, allLost: false, json: false },
    world,
    new AbortController().signal,
  )
  using repaired = openAgentDatabase(data)
  expect(uncompressedIn(repaired).packs(9)).toHaveLength(1)
})

test('what was to come and did not is forgotten with its fetch', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path, () => new Date())
  const uncompressed = uncompressedIn(db)
  const [late] = chunksOf('late', 1)
  if (late === undefined) throw new Error('no chunk')
  uncompressed.add([late.entry.digest])
  uncompressed.forget()
  await placesIn(db, uncompressed.recorded).record('packs/1', 5000, layOut([late.entry]))
  expect(uncompressed.packs(9)).toEqual([])
})
