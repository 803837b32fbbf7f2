import { expect, test } from '@jest/globals'
import { openAgentDatabase } from '../../agent/database.ts'
import { imagesIn } from '../../agent/images.ts'
import { needsIn } from '../../agent/needs.ts'
import { placesIn } from '../../agent/places.ts'
import { uncompressedIn } from '../../agent/uncompressed.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { chunksOf, digestsOf } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'

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
  expect(uncompressed.images()).toEqual(['young'])
  expect(uncompressed.packs(9)).toEqual(['packs/young'])
  uncompressed.settle('packs/old')
  expect(uncompressed.images()).toEqual(['young'])
  uncompressed.settle('packs/young')
  expect(uncompressed.images()).toEqual([])
})
