import { rmSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** The unfinished files that the agent is writing outside its own folder. */
export interface Drafts {
  /** Remembers the file until it is disposed of, so that a crash does not leave it behind for ever. */
  remember(path: string): Disposable
}

/** Removes what a crash left, and remembers from now on. */
export function draftsIn(db: DatabaseSync): Drafts {
  const forget = (path: string): void => {
    db.prepare('DELETE FROM draft WHERE path = ?').run(path)
  }
  for (const { path } of db.prepare('SELECT path FROM draft').all()) {
    rmSync(String(path), { force: true })
    forget(String(path))
  }
  return {
    remember: (path) => {
      db.prepare('INSERT OR REPLACE INTO draft (path) VALUES (?)').run(path)
      return {
        [Symbol.dispose]: () => {
          forget(path)
        },
      }
    },
  }
}
