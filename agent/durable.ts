import type { DatabaseSync } from 'node:sqlite'

/**
 * A transaction that no power cut takes, nor any before it. Others it may take: before bytes go, or come under a name, their rows
 * have to be there, or they would name what is gone, or nobody would know what lies there.
 */
export function durably<T>(db: DatabaseSync, act: () => T): T {
  db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE')
  try {
    const result = act()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  } finally {
    db.exec('PRAGMA synchronous = NORMAL')
  }
}
