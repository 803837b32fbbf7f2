import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { damageSchema } from './damage.ts'
import { arrivalsUpgrade } from './images.ts'
import { offeredSchema } from './offered/table.ts'
import { tellTime } from './moment.ts'
import { needAll, needsSchema } from './needs.ts'
import { placesSchema, placesUpgrade } from './places.ts'
import { projectionSchema } from './projection/table.ts'
import { uncompressedSchema } from './uncompressed.ts'
import { usageSchema } from './usage.ts'

const schema = `
  ${placesSchema}
  CREATE TABLE desired (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    state BLOB NOT NULL
  ) STRICT;
  CREATE TABLE image (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    image BLOB NOT NULL,
    arrived INTEGER NOT NULL DEFAULT 0,
    unwanted INTEGER
  ) STRICT;
  CREATE TABLE manifest (
    digest TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE TABLE draft (
    path TEXT PRIMARY KEY
  ) STRICT;
  ${needsSchema}
  ${usageSchema}
  ${projectionSchema}
  PRAGMA user_version = 4;
`

/** What an agent knows: where its chunks lie, which images are whole, and what it should hold. */
export function openAgentDatabase(dir: string, now = () => new Date()): DatabaseSync {
  const db = tellTime(new DatabaseSync(join(dir, 'agent.db')), now)
  // What a sync adds is spread over the whole index: room for the pages, and for changes before they are carried over.
  // A power cut may take the last rows, never the order of them: bytes go first, so a lost row is found again.
  db.exec('PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint=8192')
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
  const version = db.prepare('PRAGMA user_version').get()?.['user_version']
  if (version === 0) db.exec(`BEGIN; ${schema} COMMIT`)
  if (version === 1) {
    db.exec(`BEGIN; ${placesUpgrade} ${needsSchema}`)
    needAll(db)
    db.exec('PRAGMA user_version = 2; COMMIT')
  }
  if (version === 1 || version === 2) {
    db.exec(`BEGIN; ${arrivalsUpgrade} ${usageSchema} PRAGMA user_version = 3; COMMIT`)
  }
  if (version === 1 || version === 2 || version === 3) {
    db.exec(`BEGIN; ${projectionSchema} PRAGMA user_version = 4; COMMIT`)
  }
  db.exec(damageSchema)
  db.exec(offeredSchema)
  db.exec(uncompressedSchema)
  return db
}
