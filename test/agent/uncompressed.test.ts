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
import { sha256 } from '../../lib/content/digest.ts'
import { diskOf } from '../../lib/disk.ts'
import { startPool } from '../../lib/workers/pool.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { chunksOf, digestsOf, runsOf } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'

test('tells which images have chunks that are to be compressed, until all of them are', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path, () => new Date())
  const uncompressed = uncompressedIn(db)
  const [old, young] = [chunksOf('old', 3), chunksOf('young', 3)]
  for (const [name, chunks] of [
    ['old', old],
    ['young', young],
  ] as const) {
    const digest = sha256(Buffer.from(name))
    await needsIn(db).add(digest, digestsOf(chunks))
    await placesIn(db).record(`packs/${name}`, 5000, layOut(chunks.map(({ entry }) => entry)))
    imagesIn(db).show(Image.create({ name, digest: `sha256:${digest}` }))
  }
  uncompressed.add(digestsOf(young.slice(1)))
  uncompressed.flush()
  expect(uncompressed.images()).toEqual(['young'])
  expect(uncompressed.packs(9)).toEqual(['packs/young'])
  uncompressed.settle('packs/old')
  expect(uncompressed.images()).toEqual(['young'])
  uncompressed.settle('packs/young')
  expect(uncompressed.images()).toEqual([])
})

test('what was to come and did not is forgotten', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path, () => new Date())
  const uncompressed = uncompressedIn(db)
  const late = chunksOf('late', 3)
  uncompressed.add(digestsOf(late))
  uncompressed.forget()
  await placesIn(db).record('packs/1', 5000, layOut(late.map(({ entry }) => entry)))
  uncompressed.flush()
  expect(uncompressed.packs(9)).toEqual([])
})

test.each([
  ['marked', true],
  ['not marked', false],
])(
  'a crash that takes the rows of a pack leaves its chunks %s, as they were',
  async (_, isMarked) => {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const db = stack.adopt(openAgentDatabase(folder.path), (opened) => {
      opened.close()
    })
    const blobs = stack.use(await openDirectory({ path: folder.path, startedAt: 0 }))
    const pool = stack.use(startPool(1))
    const ground = { db, blobs, pool, disk: () => diskOf(folder.path) }
    const open = () =>
      storageOn(ground, { now: () => new Date(), newUlid: ulid, log: recorder().log })
    const { store, uncompressed } = await open()
    const chunks = chunksOf('raw', 3)
    if (isMarked) uncompressed.add(digestsOf(chunks))
    await store.store(runsOf(chunks))
    db.exec('DELETE FROM chunk; DELETE FROM pack')
    expect((await open()).uncompressed.packs(9)).toHaveLength(isMarked ? 1 : 0)
  },
)
