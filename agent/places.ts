import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { blobGone } from '../lib/chunks/blobs.ts'
import { codecNumber, codecOf } from '../lib/chunks/entry.ts'
import type { PackEntry } from '../lib/chunks/pack.ts'
import type { ChunkIndex, Place } from '../lib/chunks/places.ts'
import { type Digest, joinDigests } from '../lib/content/digest.ts'
import { exhausted, internal } from '../lib/failure.ts'
import { damageSchema, isDamaged } from './damage.ts'

const collectionSchema = `
  CREATE INDEX chunk_by_pack ON chunk (pack);
  CREATE INDEX chunk_condemned ON chunk (condemned) WHERE condemned IS NOT NULL;
  CREATE TABLE doomed_pack (
    key TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    deleted INTEGER
  ) STRICT;
`

/** What `placesSchema` has, and the tables of before there was collection have not. */
export const placesUpgrade = `
  ALTER TABLE chunk ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE chunk ADD COLUMN condemned INTEGER;
  ${collectionSchema}
`

/** One agent, one file: the tables that `placesIn` works on. */
export const placesSchema = `
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
    codec INTEGER NOT NULL,
    created INTEGER NOT NULL DEFAULT 0,
    condemned INTEGER
  ) STRICT, WITHOUT ROWID;
  ${collectionSchema}
  ${damageSchema}
`

/** Where they stand in the list: their digests would be made anew, and there are many. */
const absentSql = `
  SELECT json_group_array(asked.key ORDER BY asked.key) AS places FROM json_each(?) AS asked
  WHERE NOT EXISTS (
    SELECT 1 FROM chunk WHERE chunk.digest = unhex(asked.value) AND NOT ${isDamaged})`

const locateSql = `
  SELECT asked.value AS digest, pack.key, offset, stored_bytes, raw_bytes, codec
  FROM json_each(?) AS asked
  JOIN chunk ON chunk.digest = unhex(asked.value)
  JOIN pack ON pack.id = chunk.pack
  WHERE NOT ${isDamaged}`

const packSql = `
  INSERT INTO pack (key, size_bytes) VALUES (?, ?)
  ON CONFLICT (key) DO UPDATE SET size_bytes = excluded.size_bytes RETURNING id`

const chunkSql = `
  INSERT INTO chunk (digest, pack, offset, stored_bytes, raw_bytes, codec, created)
  VALUES (?, ?, ?, ?, ?, ?, now_ms())
  ON CONFLICT (digest) DO UPDATE SET pack = excluded.pack, offset = excluded.offset,
    stored_bytes = excluded.stored_bytes, raw_bytes = excluded.raw_bytes, codec = excluded.codec
  WHERE ${isDamaged}`

const removeSql = `DELETE FROM chunk WHERE digest IN (SELECT unhex(value) FROM json_each(?))`

/** SQLite holds up the whole process, so long questions are asked in parts of about 15 ms. */
const digestsAtOnce = 4096

/** The index of an agent's chunks, in the tables of `placesSchema`. */
export function placesIn(db: DatabaseSync): ChunkIndex {
  const absent = db.prepare(absentSql)
  const locate = db.prepare(locateSql)
  const remove = db.prepare(removeSql)
  return {
    async absent(digests) {
      const found = new Set<Digest>()
      for await (const part of partsOf(digests)) {
        for (const place of listOf(absent.get(JSON.stringify(part))?.['places'])) {
          const digest = part[place]
          if (digest !== undefined) found.add(digest)
        }
      }
      return [...found]
    },
    async locate(digests) {
      const found = new Map<SQLOutputValue, Place>()
      for await (const part of partsOf(digests)) {
        for (const row of locate.all(JSON.stringify(part)))
          found.set(row['digest'] ?? null, placeOf(row))
      }
      const places = new Map<Digest, Place>()
      for (const digest of digests) {
        const place = found.get(digest)
        if (place !== undefined) places.set(digest, place)
      }
      return places
    },
    async record(pack, sizeBytes, entries) {
      await Promise.resolve()
      inTransaction(db, () => {
        record(db, pack, sizeBytes, entries)
      })
    },
    async remove(digests) {
      for await (const part of partsOf(digests)) remove.run(JSON.stringify(part))
    },
  }
}

async function* partsOf(digests: readonly Digest[]): AsyncGenerator<readonly Digest[]> {
  for (let at = 0; at < digests.length; at += digestsAtOnce) {
    if (at > 0) await setImmediate()
    yield digests.slice(at, at + digestsAtOnce)
  }
}

function record(
  db: DatabaseSync,
  pack: string,
  sizeBytes: number,
  entries: readonly PackEntry[],
): void {
  const doomed = db.prepare('SELECT 1 FROM doomed_pack WHERE key = ?').get(pack)
  if (doomed !== undefined) throw blobGone(pack)
  const id = numberOf(db.prepare(packSql).get(pack, sizeBytes)?.['id'])
  const insert = db.prepare(chunkSql)
  const digests = joinDigests(entries.map((entry) => entry.digest))
  entries.forEach(({ offset, storedBytes, rawBytes, codec }, i) => {
    const digest = digests.subarray(i * 32, i * 32 + 32)
    insert.run(digest, id, offset, storedBytes, rawBytes, codecNumber(codec))
  })
}

function inTransaction(db: DatabaseSync, act: () => void): void {
  try {
    db.exec('BEGIN IMMEDIATE')
    act()
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw isFull(error)
      ? exhausted(
          'DISK_FULL',
          `no space is left for ${db.location() ?? 'the database'}: make room there, and try again`,
          { path: db.location() ?? '' },
          error,
        )
      : error
  }
}

/** SQLITE_FULL. */
function isFull(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === 13
}

function placeOf(row: Record<string, SQLOutputValue>): Place {
  const codec = codecOf(numberOf(row['codec']))
  const pack = row['key']
  if (codec === undefined || typeof pack !== 'string') throw alien(row)
  return {
    pack,
    codec,
    offset: numberOf(row['offset']),
    storedBytes: numberOf(row['stored_bytes']),
    rawBytes: numberOf(row['raw_bytes']),
  }
}

function numberOf(value: SQLOutputValue | undefined): number {
  if (typeof value !== 'number') throw alien(value)
  return value
}

function listOf(value: SQLOutputValue | undefined): number[] {
  if (typeof value !== 'string') throw alien(value)
  return JSON.parse(value) as number[]
}

function alien(value: unknown): Error {
  return internal('INTERNAL', `the chunk index holds ${JSON.stringify(value)}`)
}
