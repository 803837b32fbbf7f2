import { expect, test } from '@jest/globals'
import { findLostPacks } from '../../agent/lost.ts'
import { openDirectory } from '../../lib/chunks/directory.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import { chunksOf, collect, contentOf, digestsOf, runsOf, storedOf } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import { placesInMemory } from '../support/places.ts'

test('packs without rows are found again at the start, and known ones are left alone', async () => {
  await using folder = await temporaryFolder()
  await using blobs = await openDirectory({ path: folder.path, startedAt: 0 })
  const [known, lost] = [chunksOf('known', 20), chunksOf('lost', 30)]
  const before = placesInMemory()
  await packStore({ blobs, index: before, newId: () => 'known' }).store(runsOf(known))
  await packStore({ blobs, index: before, newId: () => 'lost' }).store(runsOf(lost))

  const index = placesInMemory()
  const { log, lines } = recorder()
  await findLostPacks(blobs, new Set(['packs/known']), index, log)
  expect(lines).toMatchObject([{ msg: 'packs found again', packs: 1, chunks: lost.length }])
  expect(await index.absent(digestsOf(known))).toHaveLength(known.length)
  const store = packStore({ blobs, index, newId: () => 'next' })
  expect(contentOf(await collect(store.fetch(digestsOf(lost))))).toEqual(storedOf(lost))
})
