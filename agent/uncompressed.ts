import type { DatabaseSync } from 'node:sqlite'
import type { PackEntry } from '../lib/chunks/pack.ts'
import type { ChunkIndex } from '../lib/chunks/places.ts'
import type { Digest } from '../lib/content/digest.ts'

/** Chunks that somebody waited for, and that are to be compressed later. */
export const uncompressedSchema = `
  CREATE TABLE IF NOT EXISTS uncompressed (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32)
  ) STRICT, WITHOUT ROWID;
`

/** What is stored raw for the time being. */
export interface Uncompressed {
  /** These are about to be stored so; it counts once they are. */
  add(digests: readonly Digest[]): void
  /** What was to be stored and was not is nobody's business any more. */
  forget(): void
  /** Marks those of a pack that were added; in the transaction that records it. */
  readonly recorded: (entries: readonly PackEntry[]) => void
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
  const mark = db.prepare('INSERT OR IGNORE INTO uncompressed (digest) VALUES (?)')
  const among = `SELECT chunk.digest FROM chunk JOIN pack ON pack.id = chunk.pack WHERE pack.key = ?`
  return {
    add(digests) {
      for (const digest of digests) coming.add(digest)
    },
    forget() {
      coming.clear()
    },
    recorded(entries) {
      for (const { digest, codec } of entries) {
        if (coming.delete(digest) && codec === 'raw') mark.run(Buffer.from(digest, 'hex'))
      }
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

/**
 * The index for packs that are found without rows: a crash took the marks of their chunks as well, so all that is raw is marked. Where no
 * rows are known at all that would be most of the store, and nothing is.
 */
export function marking(
  places: ChunkIndex,
  uncompressed: Pick<Uncompressed, 'add'>,
  known: ReadonlySet<string>,
): ChunkIndex {
  if (known.size === 0) return places
  return {
    ...places,
    record(pack, sizeBytes, entries) {
      const raw = entries.filter(({ codec }) => codec === 'raw')
      uncompressed.add(raw.map(({ digest }) => digest))
      return places.record(pack, sizeBytes, entries)
    },
  }
}
