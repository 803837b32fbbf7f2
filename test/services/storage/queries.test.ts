import { expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { layOut } from '../../../lib/chunks/pack.ts'
import { joinDigests } from '../../../lib/content/digest.ts'
import type { Caller } from '../../../lib/rpc/caller.ts'
import { chunkIndex } from '../../../services/chunks/queries.ts'
import { collectableIndex, lapseUploads } from '../../../services/storage/queries.ts'
import { leasesIn } from '../../../services/uploads/leases.ts'
import { insertUpload } from '../../../services/uploads/queries.ts'
import { collectableContract } from '../../contracts/collectable.ts'
import { chunkIndexContract } from '../../contracts/places.ts'
import { chunksOf, digestsOf } from '../../support/chunks.ts'
import { freshDatabase } from '../../support/database.ts'

const caller: Caller = { name: 'producer:alice', role: { kind: 'producer' } }

async function open() {
  const database = await freshDatabase()
  const { sql } = database
  const leases = leasesIn(sql)
  const uploads: string[] = []
  const begin = async () => {
    const kept = { custom: false, days: 0, shared: false }
    const upload = {
      id: randomUUID(),
      caller: caller.name,
      target: 't',
      day: '',
      notes: '',
      labels: {},
      restores: null,
      ...kept,
    }
    await sql.begin((tx) => insertUpload(tx, upload))
    uploads.push(upload.id)
    return upload.id
  }
  return {
    sql,
    leases,
    begin,
    index: chunkIndex(sql),
    collectable: collectableIndex(sql, leases.takeRevived),
    need: async (digests: Parameters<typeof leases.take>[2]) =>
      leases.take(await begin(), caller, digests),
    async drop() {
      await sql`update upload set state = 'aborted'`
      await lapseUploads(sql)
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

collectableContract('the index in Postgres', open)
chunkIndexContract('the one in Postgres', open)

const chunks = chunksOf('chunks', 30)
const digests = digestsOf(chunks)
const entries = layOut(chunks.map(({ entry }) => entry))

test('the schema forbids to condemn or delete what a manifest names', async () => {
  await using opened = await open()
  const { sql, index } = opened
  await index.record('packs/1', 1000, entries)
  await name(sql)
  const forbidden = { code: '23503', constraint_name: 'manifest_chunk_live' }
  const condemned = sql`update chunk set live = false, condemn_time = now()`
  await expect(condemned).rejects.toMatchObject(forbidden)
  await expect(sql`delete from chunk`).rejects.toMatchObject(forbidden)
})

test('nor can a manifest name what is condemned', async () => {
  await using opened = await open()
  const { sql, index, collectable } = opened
  await index.record('packs/1', 1000, entries)
  await collectable.condemn(0, false)
  await expect(name(sql)).rejects.toMatchObject({ constraint_name: 'manifest_chunk_live' })
})

test('a lease that has run out protects nothing', async () => {
  await using opened = await open()
  const { sql, index, collectable, need } = opened
  await index.record('packs/1', 1000, entries)
  await need(digests)
  await sql`update upload set expire_time = now() - interval '1 second'`
  await lapseUploads(sql)
  expect((await collectable.condemn(0, false)).chunks).toBe(chunks.length)
  expect(await sql`select state from upload`).toMatchObject([{ state: 'lapsed' }])
})

test('an upload that has ended, or is another caller’s, leases nothing', async () => {
  await using opened = await open()
  const { sql, index, collectable, leases, begin } = opened
  await index.record('packs/1', 1000, entries)
  const upload = await begin()
  await leases.take(upload, { ...caller, name: 'producer:mallory' }, digests)
  await sql`update upload set state = 'committed'`
  await leases.take(upload, caller, digests)
  await leases.take('no upload at all', caller, digests)
  expect((await collectable.condemn(0, false)).chunks).toBe(chunks.length)
})

test('uploads and a collector that take turns by chance never lose a chunk', async () => {
  await using opened = await open()
  const { index, collectable, leases, begin } = opened
  await index.record('packs/1', 1000, entries)
  const stop = new AbortController()
  const collecting = (async () => {
    let cycles = 0
    for (; !stop.signal.aborted; cycles++) {
      await collectable.doom(0, false)
      await collectable.condemn(0, false)
    }
    return cycles
  })()
  const upload = async (writer: number) => {
    for (let i = 0; i < 30; i++) {
      const id = await begin()
      const lacking = new Set(await leases.take(id, caller, digests))
      const pack = `packs/${writer}-${i}`
      await index.record(
        pack,
        1000,
        entries.filter(({ digest }) => lacking.has(digest)),
      )
      expect((await index.locate(digests)).size).toBe(digests.length)
      await opened.sql`update upload set state = 'aborted' where id = ${id}`
      await lapseUploads(opened.sql)
    }
  }
  await Promise.all([1, 2, 3].map(upload))
  stop.abort()
  expect(await collecting).toBeGreaterThan(10)
})

async function name(sql: Awaited<ReturnType<typeof open>>['sql']): Promise<void> {
  await sql.begin(async (tx) => {
    const [manifest] = await tx<{ id: bigint }[]>`
      insert into manifest (digest, body, chunk_count, chunk_bytes, stored_bytes)
      values (${joinDigests(digests.slice(0, 1))}, '', 0, 0, 0) returning id`
    await tx`
      insert into manifest_chunk (manifest, chunk)
      select ${manifest?.id ?? 0n}, id from chunk where digest = ${joinDigests(digests.slice(0, 1))}`
  })
}
