import type { DatabaseSync } from 'node:sqlite'
import type { BlobStore, Parts } from '../lib/chunks/blobs.ts'
import type { Digest } from '../lib/content/digest.ts'

/** Chunks that somebody waited for, and that are to be compressed later. */
export const uncompressedSchema = `
  CREATE TABLE IF NOT EXISTS uncompressed (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32)
  ) STRICT, WITHOUT ROWID;
`

/** What is stored raw for the time being. */
export interface Uncompressed {
  /** These are about to be stored so. */
  add(digests: readonly Digest[]): void
  /** Notes those that were added, durably: before the pack that has them is shown. */
  readonly flush: () => void
  /** What was to be stored and was not is nobody's business any more. */
  forget(): void
  /** The keys of some packs that have any, `most` at most. */
  packs(most: number): string[]
  /** The names of the images that have any. */
  images(): string[]
  /** Nothing is to be done any more for what lies in a pack, however it lies there. */
  settle(pack: string): void
  /** Forgets those that are not here. */
  sweep(): void
}

/** A row that is one too many costs a pack that is written anew for nothing; one that is missing some room. */
export function uncompressedIn(db: DatabaseSync): Uncompressed {
  const coming = new Set<Digest>()
  const mark = db.prepare(
    'INSERT OR IGNORE INTO uncompressed (digest) SELECT unhex(value) FROM json_each(?)',
  )
  const among = `SELECT chunk.digest FROM chunk JOIN pack ON pack.id = chunk.pack WHERE pack.key = ?`
  return {
    add(digests) {
      for (const digest of digests) coming.add(digest)
    },
    flush() {
      if (coming.size === 0) return
      mark.run(JSON.stringify([...coming]))
      coming.clear()
    },
    forget() {
      coming.clear()
    },
    packs: (most) =>
      db
        .prepare(
          `SELECT DISTINCT pack.key FROM uncompressed
          CROSS JOIN chunk ON chunk.digest = uncompressed.digest
          CROSS JOIN pack ON pack.id = chunk.pack LIMIT ?`,
        )
        .all(most)
        .map(({ key }) => String(key)),
    images: () =>
      db
        .prepare(
          `SELECT DISTINCT image.name FROM uncompressed
          CROSS JOIN need ON need.digest = uncompressed.digest
          CROSS JOIN holder ON holder.id = need.holder
          CROSS JOIN image ON image.digest = 'sha256:' || holder.digest`,
        )
        .all()
        .map(({ name }) => String(name)),
    settle(pack) {
      db.prepare(`DELETE FROM uncompressed WHERE digest IN (${among})`).run(pack)
    },
    sweep() {
      db.exec('DELETE FROM uncompressed WHERE digest NOT IN (SELECT digest FROM chunk)')
    },
  }
}

/** A blob store whose packs are shown once it is noted what in them is to be compressed: whatever a crash takes, the mark is there. */
export function marking(blobs: BlobStore, { flush }: Pick<Uncompressed, 'flush'>): BlobStore {
  async function* marked(parts: Parts): Parts {
    yield* parts
    flush()
  }
  return { ...blobs, put: (key, parts, signal) => blobs.put(key, marked(parts), signal) }
}
