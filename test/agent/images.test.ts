import { expect, test } from '@jest/globals'
import { openAgentDatabase } from '../../agent/database.ts'
import { imagesIn } from '../../agent/images.ts'
import { placesIn } from '../../agent/places.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { WatchDesiredStateResponse } from '../../proto/gen/merge/image/v1/agent.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { chunksOf, noise } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'

const named = (name: string, notes = '') => Image.create({ name, digest: 'sha256:0', notes })

test('what is shown is present, by name, and survives a restart', async () => {
  await using folder = await temporaryFolder()
  {
    using db = openAgentDatabase(folder.path)
    const images = imagesIn(db)
    expect(images.present()).toEqual([])
    expect(images.find('a')).toBeUndefined()
    images.show(named('b'))
    images.show(named('a', 'before'))
    images.show(named('a', 'after'))
  }
  using db = openAgentDatabase(folder.path)
  const images = imagesIn(db)
  expect(images.present()).toEqual([named('a', 'after'), named('b')])
  expect(images.names()).toEqual(['a', 'b'])
  expect(images.find('a')).toEqual(named('a', 'after'))
})

test('manifests are kept as they came', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path)
  const images = imagesIn(db)
  const bytes = noise('manifest', 100_000)
  const digest = sha256(bytes)
  expect(images.manifest(digest)).toBeUndefined()
  images.keepManifest(digest, bytes)
  images.keepManifest(digest, bytes)
  expect(Buffer.from(images.manifest(digest) ?? [])).toEqual(bytes)
})

test('the last desired state is remembered; before the first it is empty', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path)
  const images = imagesIn(db)
  expect(images.desired()).toEqual(WatchDesiredStateResponse.create())
  for (const generation of [7n, 2n ** 40n]) {
    const desired = WatchDesiredStateResponse.create({
      generation,
      images: [{ image: named('a'), holders: ['lab2'], fetchers: [] }],
      peers: [{ facility: 'lab2', address: 'host:1' }],
    })
    images.keepDesired(desired)
    expect(images.desired()).toEqual(desired)
  }
})

test('the packs and their size are those that are recorded', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path)
  const images = imagesIn(db)
  expect(images.storedBytes()).toBe(0n)
  const entries = layOut(chunksOf('some', 3).map(({ entry }) => entry))
  await placesIn(db).record('packs/1', 5000, entries)
  await placesIn(db).record('packs/2', 7000, [])
  expect(images.storedBytes()).toBe(12_000n)
  expect(images.packs()).toEqual(new Set(['packs/1', 'packs/2']))
})
