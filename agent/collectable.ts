import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import type { BlobStat } from '../lib/chunks/blobs.ts'
import type { CollectableIndex, PackUse, Tally } from '../lib/chunks/collectable.ts'
import { codecNumber, codecOf } from '../lib/chunks/entry.ts'
import type { PackEntry } from '../lib/chunks/pack.ts'
import { joinDigests, type Digest } from '../lib/content/digest.ts'
import { internal } from '../lib/failure.ts'
import { durably } from './durable.ts'
import { partsOf } from './needs.ts'

const unneeded = 'NOT EXISTS (SELECT 1 FROM need WHERE need.digest = chunk.digest)'
const tally = 'count(*) AS chunks, coalesce(sum(stored_bytes), 0) AS bytes'
/** Rows that one turn takes away. */
const atOnce = 4096

/** What may be collected of an agent's chunks, in the tables of `placesSchema` and `needsSchema`. */
export function collectableIn(db: DatabaseSync, takeRevived: () => number): CollectableIndex {
  const all = (sql: string, ...values: SQLInputValue[]) => db.prepare(sql).all(...values)
  return {
    condemn: (graceMs, rehearse) => condemn(db, graceMs, rehearse),
    doom: (undeleteMs, rehearse) => (rehearse ? countOld(db, undeleteMs) : doom(db, undeleteMs)),
    takeRevived,
    packUse: (undeleteMs) => packUse(db, undeleteMs),
    async contents(pack) {
      await Promise.resolve()
      return all(
        `SELECT lower(hex(digest)) AS digest, codec, offset, stored_bytes, raw_bytes
        FROM chunk WHERE pack = (SELECT id FROM pack WHERE key = ?) ORDER BY offset`,
        pack,
      ).map(entryOf)
    },
    async replace(packs, by, entries) {
      await Promise.resolve()
      durably(db, () => {
        replace(db, packs, by, entries)
      })
    },
    async doomPacks(packs) {
      await Promise.resolve()
      if (packs.length === 0) return
      durably(db, () => {
        doomEmpty(db, packs)
      })
    },
    async doomedPacks() {
      await Promise.resolve()
      const waiting = 'SELECT key, size_bytes FROM doomed_pack WHERE deleted IS NULL ORDER BY key'
      return all(waiting).map(statOf)
    },
    async deleted(pack) {
      await Promise.resolve()
      db.prepare(`UPDATE doomed_pack SET deleted = now_ms() WHERE key = ?`).run(pack)
    },
    async unrecorded(keys) {
      await Promise.resolve()
      const strays = `SELECT value AS key FROM json_each(?)
        WHERE value NOT IN (SELECT key FROM pack UNION ALL SELECT key FROM doomed_pack)`
      return all(strays, JSON.stringify(keys)).map(({ key }) => String(key))
    },
    async claim(orphan) {
      await Promise.resolve()
      return durably(db, () => claim(db, orphan))
    },
  }
}

async function condemn(db: DatabaseSync, graceMs: number, rehearse: boolean): Promise<Tally> {
  const dead = `digest > ? AND digest <= ? AND condemned IS NULL AND created <= now_ms() - ?
    AND ${unneeded}`
  const count = db.prepare(`SELECT ${tally} FROM chunk WHERE ${dead}`)
  const act = db.prepare(`UPDATE chunk SET condemned = now_ms() WHERE ${dead}`)
  let sum: Tally = { chunks: 0, bytes: 0 }
  for await (const { after, last } of partsOf(db, 'chunk')) {
    const found = tallyOf(count.get(after, last, graceMs))
    if (!rehearse && found.chunks > 0) act.run(after, last, graceMs)
    sum = { chunks: sum.chunks + found.chunks, bytes: sum.bytes + found.bytes }
  }
  return sum
}

async function countOld(db: DatabaseSync, undeleteMs: number): Promise<Tally> {
  await Promise.resolve()
  const old = `SELECT ${tally} FROM chunk WHERE condemned <= now_ms() - ?`
  return tallyOf(db.prepare(old).get(undeleteMs))
}

async function doom(db: DatabaseSync, undeleteMs: number): Promise<Tally> {
  const drop = db.prepare(
    `DELETE FROM chunk WHERE digest IN (
      SELECT digest FROM chunk WHERE condemned <= now_ms() - ? AND ${unneeded} LIMIT ${atOnce})
    RETURNING stored_bytes`,
  )
  let [chunks, bytes] = [0, 0]
  for (;;) {
    const gone = drop.all(undeleteMs)
    chunks += gone.length
    bytes += gone.reduce((sum, row) => sum + Number(row['stored_bytes']), 0)
    if (gone.length < atOnce) return { chunks, bytes }
    await setImmediate()
  }
}

const packsAtOnce = 64

async function packUse(db: DatabaseSync, undeleteMs: number): Promise<PackUse[]> {
  const next = db.prepare(
    `SELECT pack.id, key, size_bytes, count(digest) AS chunks,
      coalesce(sum(stored_bytes), 0) AS bytes
    FROM (SELECT * FROM pack WHERE id > ? ORDER BY id LIMIT ${packsAtOnce}) AS pack
    LEFT JOIN chunk ON chunk.pack = pack.id
      AND (condemned IS NULL OR condemned > now_ms() - ?)
    GROUP BY pack.id ORDER BY pack.id`,
  )
  const uses: PackUse[] = []
  for (let last = 0; ;) {
    const rows = next.all(last, undeleteMs)
    for (const row of rows) {
      const { chunks, bytes } = tallyOf(row)
      uses.push({ ...statOf(row), chunks, chunkBytes: bytes })
    }
    if (rows.length < packsAtOnce) return uses
    last = Number(rows.at(-1)?.['id'])
    await setImmediate()
  }
}

function replace(
  db: DatabaseSync,
  packs: readonly string[],
  { key, sizeBytes }: BlobStat,
  entries: readonly PackEntry[],
): void {
  const made = db.prepare('INSERT INTO pack (key, size_bytes) VALUES (?, ?)').run(key, sizeBytes)
  const move = db.prepare(
    `UPDATE chunk SET pack = ?, offset = ?, stored_bytes = ?, codec = ? WHERE digest = ?
    AND pack IN (SELECT id FROM pack WHERE key IN (SELECT value FROM json_each(?)))`,
  )
  const digests = joinDigests(entries.map(({ digest }) => digest))
  const from = JSON.stringify(packs)
  entries.forEach(({ offset, storedBytes, codec }, i) => {
    const digest = digests.subarray(i * 32, i * 32 + 32)
    move.run(made.lastInsertRowid, offset, storedBytes, codecNumber(codec), digest, from)
  })
  doomEmpty(db, packs)
}

function doomEmpty(db: DatabaseSync, packs: readonly string[]): void {
  const empty = `key IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.pack = pack.id)`
  const list = JSON.stringify(packs)
  db.prepare(
    `INSERT INTO doomed_pack (key, size_bytes) SELECT key, size_bytes FROM pack WHERE ${empty}`,
  ).run(list)
  db.prepare(`DELETE FROM pack WHERE ${empty}`).run(list)
}

function claim(db: DatabaseSync, { key, sizeBytes }: BlobStat): boolean {
  const claimed = db
    .prepare(
      `INSERT OR IGNORE INTO doomed_pack (key, size_bytes)
      SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM pack WHERE key = ?)`,
    )
    .run(key, sizeBytes, key)
  return claimed.changes === 1
}

type Row = Record<string, unknown>

function statOf(row: Row): BlobStat {
  return { key: String(row['key']), sizeBytes: Number(row['size_bytes']) }
}

function tallyOf(row: Row | undefined): Tally {
  return { chunks: Number(row?.['chunks']), bytes: Number(row?.['bytes']) }
}

function entryOf(row: Row): PackEntry {
  const codec = codecOf(Number(row['codec']))
  if (codec === undefined) throw internal('INTERNAL', 'a chunk has an unknown codec')
  return {
    digest: String(row['digest']) as Digest,
    codec,
    offset: Number(row['offset']),
    storedBytes: Number(row['stored_bytes']),
    rawBytes: Number(row['raw_bytes']),
  }
}
