import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import type { Digest } from '../lib/content/digest.ts'
import { decodeManifest } from '../lib/content/encoding.ts'
import { chunkDigests } from '../lib/content/manifest.ts'

/** Which manifests need which chunks, whether they are here yet or not. A chunk that is needed cannot be condemned. */
export const needsSchema = `
  CREATE TABLE holder (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE need (
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    holder INTEGER NOT NULL,
    PRIMARY KEY (digest, holder)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER needed_is_not_condemned BEFORE UPDATE OF condemned ON chunk
  WHEN NEW.condemned IS NOT NULL AND EXISTS (SELECT 1 FROM need WHERE need.digest = NEW.digest)
  BEGIN SELECT RAISE(ABORT, 'a chunk that is needed cannot be condemned'); END;
  CREATE TRIGGER needed_is_not_doomed BEFORE DELETE ON chunk
  WHEN OLD.condemned IS NOT NULL AND EXISTS (SELECT 1 FROM need WHERE need.digest = OLD.digest)
  BEGIN SELECT RAISE(ABORT, 'a chunk that is needed cannot be doomed'); END;
`

export interface Needs {
  /** A manifest that is being fetched keeps what it needs, until this is disposed of. */
  hold(manifest: Digest): Disposable
  /** Whether a manifest is held. */
  readonly isHeld: (manifest: Digest) => boolean
  /** From now on these chunks are needed by a manifest, and condemned ones among them are brought back. */
  add(manifest: Digest, chunks: readonly Digest[]): Promise<void>
  /** Only the manifests that are held or wanted need anything from now on. */
  keepOnly(wanted: () => ReadonlySet<Digest>): Promise<void>
  /** How many chunks were brought back since this was asked last. */
  readonly takeRevived: () => number
}

/** SQLite holds up the whole process, so long lists go in parts of about 15 ms. */
const digestsAtOnce = 4096

export function needsIn(db: DatabaseSync): Needs {
  const held = new Map<Digest, number>()
  let revived = 0
  return {
    hold(manifest) {
      held.set(manifest, (held.get(manifest) ?? 0) + 1)
      return {
        [Symbol.dispose]: () => {
          const left = (held.get(manifest) ?? 1) - 1
          if (left === 0) held.delete(manifest)
          else held.set(manifest, left)
        },
      }
    },
    isHeld: (manifest) => held.has(manifest),
    async add(manifest, chunks) {
      for (let at = 0; at < chunks.length; at += digestsAtOnce) {
        if (at > 0) await setImmediate()
        revived += addSome(db, manifest, chunks.slice(at, at + digestsAtOnce))
      }
    },
    keepOnly: (wanted) => keepOnly(db, (manifest) => held.has(manifest) || wanted().has(manifest)),
    takeRevived() {
      const count = revived
      revived = 0
      return count
    },
  }
}

/** What the manifests that are there need, for a database from before there were needs. */
export function needAll(db: DatabaseSync): void {
  for (const { digest, bytes } of db.prepare('SELECT digest, bytes FROM manifest').iterate()) {
    if (bytes instanceof Uint8Array)
      addSome(db, String(digest), chunkDigests(decodeManifest(bytes)))
  }
}

function addSome(db: DatabaseSync, manifest: string, chunks: readonly Digest[]): number {
  db.prepare('INSERT OR IGNORE INTO holder (digest) VALUES (?)').run(manifest)
  const list = JSON.stringify(chunks)
  db.prepare(
    `INSERT OR IGNORE INTO need (digest, holder)
    SELECT unhex(asked.value), holder.id FROM json_each(?) AS asked, holder
    WHERE holder.digest = ? ORDER BY asked.value`,
  ).run(list, manifest)
  return isAnyCondemned(db) ? revive(db, list) : 0
}

/** Mostly there is none, and the index knows it. */
function isAnyCondemned(db: DatabaseSync): boolean {
  return db.prepare('SELECT 1 FROM chunk WHERE condemned IS NOT NULL LIMIT 1').get() !== undefined
}

function revive(db: DatabaseSync, list: string): number {
  const back = db.prepare(
    `UPDATE chunk SET condemned = NULL
    WHERE condemned IS NOT NULL AND digest IN (SELECT unhex(value) FROM json_each(?))`,
  )
  return Number(back.run(list).changes)
}

/** Asked anew before each part: a fetch that begins meanwhile keeps what is left, and adds what is not. */
async function keepOnly(db: DatabaseSync, keeps: (manifest: Digest) => boolean): Promise<void> {
  const dropped = (): string => {
    const all = db.prepare('SELECT digest FROM manifest UNION SELECT digest FROM holder').all()
    const digests = all.map(({ digest }) => String(digest) as Digest)
    return JSON.stringify(digests.filter((digest) => !keeps(digest)))
  }
  if (dropped() === '[]') return
  const drop = db.prepare(
    `DELETE FROM need WHERE digest > ? AND digest <= ? AND holder IN (
      SELECT holder.id FROM json_each(?) AS asked JOIN holder ON holder.digest = asked.value)`,
  )
  for await (const { after, last } of partsOf(db, 'need')) drop.run(after, last, dropped())
  const gone = dropped()
  for (const table of ['holder', 'manifest']) {
    db.prepare(`DELETE FROM ${table} WHERE digest IN (SELECT value FROM json_each(?))`).run(gone)
  }
}

/** The digests of a table in parts, in their order; others have a turn in between. */
export async function* partsOf(
  db: DatabaseSync,
  table: 'need' | 'chunk',
): AsyncGenerator<{ readonly after: Uint8Array; readonly last: Uint8Array }> {
  const next = db.prepare(
    `SELECT max(digest) AS last FROM (
      SELECT digest FROM ${table} WHERE digest > ? ORDER BY digest LIMIT ${digestsAtOnce})`,
  )
  for (let after: Uint8Array = new Uint8Array(0); ;) {
    const last = next.get(after)?.['last']
    if (!(last instanceof Uint8Array)) return
    yield { after, last }
    after = last
    await setImmediate()
  }
}
