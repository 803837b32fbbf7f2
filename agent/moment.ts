import type { DatabaseSync } from 'node:sqlite'

/** Lets the statements of a connection ask for the time, in milliseconds since 1970, as `now_ms()`. */
export function tellTime(db: DatabaseSync, now: () => Date): DatabaseSync {
  db.function('now_ms', () => now().getTime())
  return db
}
