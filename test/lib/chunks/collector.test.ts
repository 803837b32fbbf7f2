import { expect, test } from '@jest/globals'
import { DatabaseSync } from 'node:sqlite'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { collectableIn } from '../../../agent/collectable.ts'
import { tellTime } from '../../../agent/moment.ts'
import { needsIn, needsSchema } from '../../../agent/needs.ts'
import { placesIn, placesSchema } from '../../../agent/places.ts'
import { collector, collectPolicy } from '../../../lib/chunks/collector.ts'
import { openDirectory } from '../../../lib/chunks/directory.ts'
import { packStore } from '../../../lib/chunks/packs.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { corrupt } from '../../../lib/failure.ts'
import { chunksOf, collect, contentOf, digestsOf, runsOf, storedOf } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { recorder } from '../../support/log.ts'

const stay = new AbortController().signal

async function open() {
  const folder = await temporaryFolder()
  const db = tellTime(new DatabaseSync(':memory:'), () => new Date())
  db.exec(placesSchema + needsSchema)
  const index = placesIn(db)
  const needs = needsIn(db)
  const collectable = collectableIn(db, needs.takeRevived)
  const blobs = await openDirectory({ path: folder.path, startedAt: performance.timeOrigin })
  const store = packStore({ blobs, index, newId: ulid, packBytes: 30_000 })
  const recorded = recorder()
  const time = { now: 0, rotten: '' }
  const collecting = collector({
    index: collectable,
    blobs,
    verify: (run) =>
      run.entries.some(({ digest }) => digest === time.rotten)
        ? Promise.reject(corrupt('CHUNK_CORRUPT', 'it is rotten'))
        : Promise.resolve(run),
    newId: ulid,
    clock: { now: () => time.now, sleep: () => Promise.resolve() },
    log: recorded.log,
    policy: collectPolicy(0, 0),
  })
  return {
    collecting,
    collectable,
    index,
    store,
    needs,
    blobs,
    time,
    line: (msg: string) => recorded.line(msg),
    folder: folder.path,
    files: () => readdir(join(folder.path, 'packs')),
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
      db.close()
    },
  }
}

const [kept, dead] = [chunksOf('kept', 20), chunksOf('dead', 80)]
/** One of five is kept, wherever it lies. */
const mixed = dead.flatMap((chunk, i) => [chunk, ...(i % 4 === 0 ? [kept[i / 4] ?? chunk] : [])])
const manifest = sha256(Buffer.from('manifest'))

test('what nothing needs goes in two cycles, and what is left is put together', async () => {
  await using opened = await open()
  const { collecting, store, needs, files, line } = opened
  await needs.add(manifest, digestsOf(kept))
  await store.store(runsOf(mixed))
  const before = (await files()).length
  expect(await collecting.run(stay)).toMatchObject({
    condemned: { chunks: 80 },
    doomed: { chunks: 0 },
    packsDeleted: 0,
  })
  expect(await store.missing(digestsOf(dead))).toEqual([])
  const { doomed, packsRewritten, packsDeleted, freedBytes } = await collecting.run(stay)
  expect({ doomed: doomed.chunks, packsRewritten, packsDeleted }).toEqual({
    doomed: 80,
    packsRewritten: before,
    packsDeleted: before,
  })
  expect(freedBytes).toBeGreaterThan(80_000)
  expect(await files()).toHaveLength(1)
  expect(contentOf(await collect(store.fetch(digestsOf(kept))))).toEqual(storedOf(kept))
  expect(await line('collected')).toMatchObject({ condemned: 80 })
})

test('a rehearsal tells what the next cycle does, and does nothing', async () => {
  await using opened = await open()
  const { collecting, store, needs } = opened
  await needs.add(manifest, digestsOf(kept))
  await store.store(runsOf(mixed))
  for (let i = 0; i < 3; i++) {
    const { freedBytes: _, ...rehearsed } = await collecting.rehearse(stay)
    expect(await collecting.run(stay)).toMatchObject(rehearsed)
  }
})

test('who reads while packs are rewritten reads on', async () => {
  await using opened = await open()
  const { collecting, store, needs, blobs, index } = opened
  await needs.add(manifest, digestsOf(kept))
  await store.store(runsOf(mixed))
  await collecting.run(stay)
  let rewriting: Promise<unknown> | undefined
  const late = {
    ...blobs,
    async range(...asked: Parameters<typeof blobs.range>) {
      rewriting ??= collecting.run(stay)
      await rewriting
      return blobs.range(...asked)
    },
  }
  const reader = packStore({ blobs: late, index, newId: ulid })
  expect(contentOf(await collect(reader.fetch(digestsOf(kept))))).toEqual(storedOf(kept))
  expect(await rewriting).not.toMatchObject({ packsDeleted: 0 })
})

test('who reads what is collected meanwhile hears that it is not there', async () => {
  await using opened = await open()
  const { store, collecting, blobs, index } = opened
  await store.store(runsOf(dead))
  await collecting.run(stay)
  let collected: Promise<unknown> | undefined
  const late = {
    ...blobs,
    async range(...asked: Parameters<typeof blobs.range>) {
      collected ??= collecting.run(stay)
      await collected
      return blobs.range(...asked)
    },
  }
  const reader = packStore({ blobs: late, index, newId: ulid })
  await expect(collect(reader.fetch(digestsOf(dead)))).rejects.toMatchObject({
    kind: 'missing',
    reason: 'CHUNK_NOT_FOUND',
  })
})

test('a pack with a rotten chunk stays for the scrub, and keeps no other from being rewritten', async () => {
  await using opened = await open()
  const { collecting, store, needs, time, files, line } = opened
  await needs.add(manifest, digestsOf(kept))
  await store.store(runsOf(mixed))
  const before = (await files()).length
  time.rotten = digestsOf(kept)[0] ?? ''
  await collecting.run(stay)
  expect(await collecting.run(stay)).toMatchObject({ packsRewritten: before - 1 })
  expect(await line('pack not rewritten')).toMatchObject({ error: 'it is rotten' })
  expect(await store.missing(digestsOf(kept))).toEqual([])
})

test('a pack that was never recorded goes once it was seen for long', async () => {
  await using opened = await open()
  const { collecting, store, needs, time, folder, files } = opened
  await needs.add(manifest, digestsOf(kept))
  await store.store(runsOf(kept))
  await writeFile(join(folder, 'packs', 'orphan'), 'a crash left this')
  expect(await collecting.run(stay)).toMatchObject({ orphansDeleted: 0 })
  time.now += 9 * 60_000
  expect(await collecting.run(stay)).toMatchObject({ orphansDeleted: 0 })
  time.now += 60_000
  expect(await collecting.rehearse(stay)).toMatchObject({ orphansDeleted: 1, freedBytes: 17 })
  expect(await collecting.run(stay)).toMatchObject({ orphansDeleted: 1, freedBytes: 17 })
  expect(await files()).not.toContain('orphan')
  expect(contentOf(await collect(store.fetch(digestsOf(kept))))).toEqual(storedOf(kept))
})

test('bytes that a crash left of a doomed pack go with the next cycle', async () => {
  await using opened = await open()
  const { collecting, collectable, store, files } = opened
  await store.store(runsOf(dead))
  await collectable.condemn(0, false)
  await collectable.doom(0, false)
  await collectable.doomPacks((await files()).map((name) => `packs/${name}`))
  const before = (await files()).length
  expect(await collecting.run(stay)).toMatchObject({ packsDeleted: before })
  expect(await files()).toEqual([])
})
