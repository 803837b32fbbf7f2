import { stat } from 'node:fs/promises'
import type { DatabaseSync } from 'node:sqlite'
import { isOver } from '../lib/chunks/abort.ts'
import type { Clock } from '../lib/chunks/clock.ts'

/** When images were used last, and the files that were written of them. */
export const usageSchema = `
  CREATE TABLE use (
    image TEXT PRIMARY KEY,
    time INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE written (
    path TEXT PRIMARY KEY,
    image TEXT NOT NULL,
    file TEXT NOT NULL
  ) STRICT;
`

/** When the facility used its images: wrote them out, or read what was written out. */
export interface Usage {
  /** The image is used now. */
  note(image: string): void
  /** It was written to this file: who reads that uses the image. */
  wrote(image: string, path: string): Promise<void>
  /** Looks when the files that were written were read last, and forgets those that are gone. */
  look(): Promise<void>
  /** When each image was used last, by its name. */
  last(): ReadonlyMap<string, Date>
  /** Keeps the image from going until this is disposed of. */
  pin(image: string): Disposable
  pinned(): ReadonlySet<string>
}

const noteSql = `
  INSERT INTO use (image, time) VALUES (?, ?)
  ON CONFLICT (image) DO UPDATE SET time = excluded.time WHERE excluded.time > time`

export function usageIn(db: DatabaseSync, now: () => Date): Usage {
  const pins = new Map<string, number>()
  // A file system may have a clock of its own.
  const note = (image: string, ms: number): void => {
    db.prepare(noteSql).run(image, Math.min(ms, now().getTime()))
  }
  return {
    note: (image) => {
      note(image, now().getTime())
    },
    async wrote(image, path) {
      const found = await fileAt(path)
      if (found === undefined) return
      db.prepare('INSERT OR REPLACE INTO written (path, image, file) VALUES (?, ?, ?)').run(
        path,
        image,
        found.file,
      )
    },
    async look() {
      for (const row of db.prepare('SELECT path, image, file FROM written').all()) {
        const path = String(row['path'])
        const found = await fileAt(path)
        if (found !== undefined && found.file === row['file']) {
          // What is laid out for others is as if it had been read in 1970, until it is.
          if (found.readMs > 0) note(String(row['image']), found.readMs)
        } else forget(db, path, String(row['file']))
      }
    },
    last() {
      const rows = db.prepare('SELECT image, time FROM use').all()
      return new Map(rows.map(({ image, time }) => [String(image), new Date(Number(time))]))
    },
    pin(image) {
      pins.set(image, (pins.get(image) ?? 0) + 1)
      return {
        [Symbol.dispose]: () => {
          const left = (pins.get(image) ?? 1) - 1
          if (left === 0) pins.delete(image)
          else pins.set(image, left)
        },
      }
    },
    pinned: () => new Set(pins.keys()),
  }
}

/** File systems note at most once a day that a file was read; no need to look more often than this. */
const lookMs = 10 * 60_000

/** Looks again and again when the files that were written were read last. */
export async function keepLooking(
  usage: Pick<Usage, 'look'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!isOver(signal)) {
    await usage.look()
    await clock.sleep(lookMs, signal).catch(() => undefined)
  }
}

/** Another one may have been written there meanwhile. */
function forget(db: DatabaseSync, path: string, file: string): void {
  db.prepare('DELETE FROM written WHERE path = ? AND file = ?').run(path, file)
}

/** Which file is there, so that another one at the same place is not taken for it, and when it was read last. */
async function fileAt(
  path: string,
): Promise<{ readonly file: string; readonly readMs: number } | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found === undefined) return undefined
  const { dev, ino, birthtimeNs, atimeMs } = found
  return { file: [dev, ino, birthtimeNs].join(' '), readMs: Number(atimeMs) }
}
