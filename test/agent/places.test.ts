import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@jest/globals'
import { tellTime } from '../../agent/moment.ts'
import { placesIn, placesSchema } from '../../agent/places.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { chunkIndexContract, type OpenIndex } from '../contracts/places.ts'
import { chunksOf } from '../support/chunks.ts'
import { placesInMemory } from '../support/places.ts'

function openDatabase(): DatabaseSync {
  const db = tellTime(new DatabaseSync(':memory:'), () => new Date())
  db.exec(placesSchema)
  return db
}

function inSqlite(): Promise<OpenIndex> {
  const db = openDatabase()
  const index = placesIn(db)
  return Promise.resolve({
    index,
    [Symbol.asyncDispose]: () => {
      db.close()
      return Promise.resolve()
    },
  })
}

chunkIndexContract('the one in SQLite', inSqlite)
chunkIndexContract('the one in memory', () =>
  Promise.resolve({ index: placesInMemory(), [Symbol.asyncDispose]: () => Promise.resolve() }),
)

test('a full database is DISK_FULL, and nothing of the pack is recorded', async () => {
  const db = openDatabase()
  db.exec('PRAGMA max_page_count = 10')
  const entries = layOut(chunksOf('full', 2000, 1).map(({ entry }) => entry))
  const recorded = placesIn(db).record('packs/1', 1000, entries)
  await expect(recorded).rejects.toMatchObject({ kind: 'exhausted', reason: 'DISK_FULL' })
  expect(db.prepare('SELECT count(*) AS n FROM pack').get()).toEqual({ n: 0 })
})
