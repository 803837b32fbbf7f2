import type { DatabaseSync } from 'node:sqlite'
import { durably } from '../durable.ts'
import { isSure, type Laid } from './plan.ts'

/** What was laid out, where, and which file or object it is there. */
export const projectionSchema = `
  CREATE TABLE projection (
    key TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    content TEXT NOT NULL,
    token TEXT NOT NULL,
    time INTEGER NOT NULL
  ) STRICT;
`

export interface LaidRow extends Laid {
  readonly time: Date
}

/** What lies at one place, as far as this agent laid it out. */
export interface ProjectionTable {
  all(): readonly LaidRow[]
  /** Those of which it is known that they came there. */
  laid(): readonly LaidRow[]
  /** Something is about to come there, durably: whatever a crash takes, somebody knows to look after it. */
  intend(row: Omit<LaidRow, 'token'>): void
  put(row: LaidRow): void
  forget(key: string): void
}

/** What was laid out elsewhere before is nobody's from now on, and stays where it is. */
export function projectionIn(db: DatabaseSync, place: string): ProjectionTable {
  db.prepare('DELETE FROM projection WHERE place <> ?').run(place)
  const put = ({ key, name, image, content, token, time }: LaidRow): void => {
    db.prepare('INSERT OR REPLACE INTO projection VALUES (?, ?, ?, ?, ?, ?, ?)').run(
      ...[key, place, name, image, content, token, time.getTime()],
    )
  }
  const all = (): readonly LaidRow[] =>
    db
      .prepare('SELECT * FROM projection ORDER BY key')
      .all()
      .map((row) => ({
        key: String(row['key']),
        name: String(row['name']),
        image: String(row['image']),
        content: String(row['content']),
        token: String(row['token']),
        time: new Date(Number(row['time'])),
      }))
  return {
    all,
    laid: () => all().filter(isSure),
    put,
    intend: (row) => {
      durably(db, () => {
        put({ ...row, token: '' })
      })
    },
    forget: (key) => {
      db.prepare('DELETE FROM projection WHERE key = ?').run(key)
    },
  }
}
