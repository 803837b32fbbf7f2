import type { DatabaseSync } from 'node:sqlite'
import { type DamageLog, noCounts, type ScrubCounts } from '../lib/chunks/damage.ts'
import type { Digest } from '../lib/content/digest.ts'

/** A chunk that is damaged in a pack counts as absent while it lies there. */
export const damageSchema = `
  CREATE TABLE IF NOT EXISTS damage (
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    pack TEXT NOT NULL,
    PRIMARY KEY (digest, pack)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS scrub_place (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    after TEXT NOT NULL,
    ended INTEGER NOT NULL,
    so_far TEXT NOT NULL,
    last TEXT
  ) STRICT;
`

/** Whether the row of `chunk` lies where it is damaged. */
export const isDamaged = `EXISTS (
  SELECT 1 FROM damage JOIN pack AS bad ON bad.key = damage.pack
  WHERE damage.digest = chunk.digest AND bad.id = chunk.pack)`

/** What is known of damage in an agent's packs, in the tables of `damageSchema`. */
export function damageIn(db: DatabaseSync): DamageLog {
  return {
    async note(pack, digests) {
      await Promise.resolve()
      const noted = db
        .prepare(
          `INSERT OR IGNORE INTO damage (digest, pack)
          SELECT digest, pack.key FROM chunk JOIN pack ON pack.id = chunk.pack
          WHERE pack.key = ? AND digest IN (SELECT unhex(value) FROM json_each(?))`,
        )
        .run(pack, JSON.stringify(digests))
      return Number(noted.changes)
    },
    async left() {
      await Promise.resolve()
      return db
        .prepare(
          `SELECT lower(hex(digest)) AS digest FROM chunk
          WHERE digest IN (SELECT digest FROM damage) AND ${isDamaged} ORDER BY pack, offset`,
        )
        .all()
        .map(({ digest }) => String(digest) as Digest)
    },
    async packs() {
      await Promise.resolve()
      const bad = 'SELECT DISTINCT pack FROM damage WHERE pack IN (SELECT key FROM pack) ORDER BY 1'
      return db
        .prepare(bad)
        .all()
        .map(({ pack }) => String(pack))
    },
    async place() {
      await Promise.resolve()
      const row = db.prepare('SELECT after, ended, so_far, last FROM scrub_place').get()
      return {
        after: String(row?.['after'] ?? ''),
        endedAt: Number(row?.['ended'] ?? 0),
        soFar: countsOf(row?.['so_far']) ?? noCounts,
        last: countsOf(row?.['last']),
      }
    },
    async keepPlace({ after, endedAt, soFar, last }) {
      await Promise.resolve()
      const told = last === undefined ? null : JSON.stringify(last)
      db.prepare(
        'INSERT OR REPLACE INTO scrub_place (only, after, ended, so_far, last) VALUES (1, ?, ?, ?, ?)',
      ).run(after, Math.round(endedAt), JSON.stringify(soFar), told)
    },
  }
}

function countsOf(column: unknown): ScrubCounts | undefined {
  return typeof column === 'string' ? (JSON.parse(column) as ScrubCounts) : undefined
}
