import { expect, test } from '@jest/globals'
import { bumpGeneration } from '../../../services/catalog/queries.ts'
import type { Sql } from '../../../services/db/open.ts'
import { worldSnapshot } from '../../../services/resolver/queries.ts'
import { freshDatabase } from '../../support/database.ts'

/** Resolves once somebody waits for a lock in this database. */
async function untilWaiting(sql: Sql): Promise<void> {
  for (;;) {
    const waiting = await sql`
      select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database
      where not granted and datname = current_database()`
    if (waiting.count > 0) return
  }
}

test('the world is read once for a generation, whoever asks', async () => {
  await using database = await freshDatabase()
  const snapshot = worldSnapshot(database.sql)
  const [first, second] = await Promise.all([snapshot(), snapshot()])
  expect(second).toBe(first)
  expect(await snapshot()).toBe(first)
  await database.sql.begin(bumpGeneration)
  const third = await snapshot()
  expect(third.generation).toBe(first.generation + 1n)
})

test('who joins a read that began before a change gets the world after it', async () => {
  await using database = await freshDatabase()
  const { sql } = database
  const snapshot = worldSnapshot(sql)
  const locked = Promise.withResolvers<undefined>()
  const release = Promise.withResolvers<undefined>()
  const locker = sql.begin(async (tx) => {
    await tx`lock table alias in access exclusive mode`
    locked.resolve(undefined)
    await release.promise
  })
  await locked.promise
  const early = snapshot()
  await untilWaiting(sql)
  await sql.begin(async (tx) => {
    await tx`insert into role (name) values ('added')`
    await bumpGeneration(tx)
  })
  const late = snapshot()
  // Time for the second to see the new generation and find the first at work.
  for (let i = 0; i < 20; i++) await sql`select generation from names`
  release.resolve(undefined)
  await locker
  const [before, after] = await Promise.all([early, late])
  expect(after.generation).toBe(before.generation + 1n)
  expect(after.world.catalogue.roles).toContain('added')
})
