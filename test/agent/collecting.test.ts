import { expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { manifestsOf } from '../../agent/collecting.ts'
import { openAgentDatabase } from '../../agent/database.ts'
import { collectableIn } from '../../agent/collectable.ts'
import { needsIn } from '../../agent/needs.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { joinDigests, sha256 } from '../../lib/content/digest.ts'
import { encodeManifest } from '../../lib/content/encoding.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { announce } from '../../services/db/changes.ts'
import { freshAgent, pull, writeOut } from '../support/agent.ts'
import { collect } from '../support/chunks.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'

test('an agent that collects all the time keeps the images that are here, and gives back what went', async () => {
  await using folder = await temporaryFolder()
  await using portal = await freshPortal()
  await makeFacilities(portal.as('admin'), 'lab1')
  const shared = randomBytes(400_000)
  const [first, second] = [randomBytes(400_000), randomBytes(400_000)].map((own) =>
    Buffer.concat([shared, own]),
  )
  const old = await publish(portal.as('producer'), 'debian-12', first ?? shared)
  const young = await publish(portal.as('producer'), 'debian-13', second ?? shared)
  const flags = ['--collect-every', '5ms', '--collect-grace', '0']
  await using agent = await freshAgent(portal, 'lab1', { flags })
  await pull(agent, old)
  await pull(agent, young)
  const before = await storedIn(agent.data)
  await portal.sql.begin(async (tx) => {
    await tx`delete from want where image = ${old}`
    await tx`update facility set desired_generation = desired_generation + 1`
    await announce(tx)
  })
  while ((await agent.local.status({})).wantedCount > 1) await sleep(10)
  await sleep(100)
  expect(await storedIn(agent.data)).toBe(before)
  evict(agent.data, old)
  while ((await storedIn(agent.data)) > before - 300_000) await sleep(10)
  await collect(agent.local.verify({ reference: young }))
  await writeOut(agent, young, join(folder.path, 'disk'))
  expect(second?.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
  await pull(agent, old)
  await collect(agent.local.verify({ reference: old }))
})

test('an agent lets go of an image of its own that has had its time, once the portal wants it no more', async () => {
  await using portal = await freshPortal()
  await makeFacilities(portal.as('admin'), 'lab1')
  const name = await publish(portal.as('admin'), 'lab1/debian-13', randomBytes(400_000))
  const flags = ['--collect-every', '5ms', '--collect-grace', '0']
  await using agent = await freshAgent(portal, 'lab1', { flags })
  await pull(agent, name)
  const before = await storedIn(agent.data)
  expire(agent.data, name)
  await pull(agent, name)
  expect(await storedIn(agent.data)).toBe(before)
  await portal.sql.begin(async (tx) => {
    await tx`delete from want where image = ${name}`
    await tx`update facility set desired_generation = desired_generation + 1`
    await announce(tx)
  })
  await agent.recorder.line('images of our own have expired')
  while ((await storedIn(agent.data)) > 0) await sleep(10)
  expect((await agent.local.listLocal({})).images).toEqual([])
})

/** Writes into the copy of an image that it was a facility's own, and only until yesterday. */
function expire(data: string, name: string): void {
  const expireTime = new Date(Date.now() - 86_400_000)
  using db = new DatabaseSync(join(data, 'agent.db'), { timeout: 5000 })
  const row = db.prepare('SELECT image FROM image WHERE name = ?').get(name)
  const image = Image.decode(row?.['image'] as Uint8Array)
  const own = { ...image, custom: { facility: 'lab1', expireTime, shared: false } }
  const bytes = Image.encode(own).finish()
  db.prepare('UPDATE image SET image = ? WHERE name = ?').run(bytes, name)
}

/** What eviction does. */
function evict(data: string, name: string): void {
  const db = new DatabaseSync(join(data, 'agent.db'), { timeout: 5000 })
  db.prepare('DELETE FROM image WHERE name = ?').run(name)
  db.close()
}

async function storedIn(data: string): Promise<number> {
  const folder = join(data, 'chunks', 'packs')
  let sum = 0
  for (const name of await readdir(folder)) {
    const bytes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0))
    sum += bytes.length
  }
  return sum
}

test('a database from before there was collection keeps what its manifests need', async () => {
  await using folder = await temporaryFolder()
  const manifest = manifestOf(randomBytes(300_000))
  const digests = chunkDigests(manifest)
  const bytes = encodeManifest(manifest)
  const [needed = sha256(bytes)] = digests
  {
    using db = new DatabaseSync(join(folder.path, 'agent.db'))
    db.exec(before)
    db.prepare('INSERT INTO manifest VALUES (?, ?)').run(sha256(bytes), bytes)
    db.exec(`INSERT INTO pack VALUES (1, 'packs/1', 1000)`)
    const insert = db.prepare('INSERT INTO chunk VALUES (?, 1, ?, 10, 10, 0)')
    for (const { digest, offset } of layOut(
      [needed, sha256(Buffer.from('dead'))].map((digest) => ({
        digest,
        codec: 'raw',
        storedBytes: 10,
        rawBytes: 10,
      })),
    )) {
      insert.run(joinDigests([digest]), offset)
    }
  }
  using db = openAgentDatabase(folder.path)
  const collectable = collectableIn(db, needsIn(db).takeRevived)
  expect(await collectable.condemn(3_600_000, false)).toEqual({ chunks: 1, bytes: 10 })
  expect(await collectable.doom(0, false)).toEqual({ chunks: 1, bytes: 10 })
})

test('what is here needs its manifest though it is not wanted any more, and so does what is to come', () => {
  const image = (name: string) =>
    Image.create({ name, digest: `sha256:${sha256(Buffer.from(name))}` })
  expect(manifestsOf([image('here')], [{ image: image('coming') }, { image: undefined }])).toEqual(
    new Set(['here', 'coming'].map((name) => sha256(Buffer.from(name)))),
  )
})

const before = `
  CREATE TABLE pack (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE chunk (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    pack INTEGER NOT NULL REFERENCES pack (id),
    offset INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    codec INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE desired (only INTEGER PRIMARY KEY CHECK (only = 1), state BLOB NOT NULL) STRICT;
  CREATE TABLE image (name TEXT PRIMARY KEY, digest TEXT NOT NULL, image BLOB NOT NULL) STRICT;
  CREATE TABLE manifest (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE draft (path TEXT PRIMARY KEY) STRICT;
  PRAGMA user_version = 1;
`
