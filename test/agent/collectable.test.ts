import { expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { collectableIn } from '../../agent/collectable.ts'
import { openAgentDatabase } from '../../agent/database.ts'
import { needsIn } from '../../agent/needs.ts'
import { placesIn } from '../../agent/places.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { sha256, type Digest } from '../../lib/content/digest.ts'
import { collectableContract } from '../contracts/collectable.ts'
import { chunksOf, digestsOf } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'

async function open() {
  const folder = await temporaryFolder()
  const db = openAgentDatabase(folder.path)
  const needs = needsIn(db)
  const index = placesIn(db)
  return {
    db,
    needs,
    index,
    collectable: collectableIn(db, needs.takeRevived),
    need: async (digests: readonly Digest[]) => {
      await needs.add(sha256(randomBytes(8)), digests)
      return index.absent(digests)
    },
    drop: () => needs.keepOnly(() => new Set()),
    async [Symbol.asyncDispose]() {
      db.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

collectableContract('the index in SQLite', open)

const chunks = chunksOf('chunks', 30)
const digests = digestsOf(chunks)
const entries = layOut(chunks.map(({ entry }) => entry))

test('the schema forbids to condemn what a manifest needs', async () => {
  await using opened = await open()
  const { db, index, need } = opened
  await index.record('packs/1', 1000, entries)
  await need(digests)
  const condemn = () => {
    db.exec('UPDATE chunk SET condemned = 1')
  }
  expect(condemn).toThrow('a chunk that is needed cannot be condemned')
})

test('a manifest that is being fetched keeps its chunks, though nobody wants it any more', async () => {
  await using opened = await open()
  const { index, needs, collectable } = opened
  await index.record('packs/1', 1000, entries)
  const manifest = sha256(Buffer.from('manifest'))
  {
    using _held = needs.hold(manifest)
    await needs.add(manifest, digests)
    await needs.keepOnly(() => new Set())
    expect((await collectable.condemn(0, false)).chunks).toBe(0)
  }
  await needs.keepOnly(() => new Set())
  expect((await collectable.condemn(0, false)).chunks).toBe(chunks.length)
})

test('what one manifest drops, another keeps', async () => {
  await using opened = await open()
  const { index, needs, collectable } = opened
  await index.record('packs/1', 1000, entries)
  const [old, young] = [sha256(Buffer.from('old')), sha256(Buffer.from('young'))]
  await needs.add(old, digests.slice(0, 20))
  await needs.add(young, digests.slice(10))
  await needs.keepOnly(() => new Set([young]))
  expect((await collectable.condemn(0, false)).chunks).toBe(10)
})
