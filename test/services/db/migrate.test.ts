import { expect, test } from '@jest/globals'
import { migrate } from '../../../services/db/migrate.ts'
import { openDatabase } from '../../../services/db/open.ts'
import { freshDatabase } from '../../support/database.ts'

test('an empty database gets every migration in order, and the second time none', async () => {
  await using database = await freshDatabase('template0')
  const first = await migrate(database.sql)
  expect(first).toEqual(first.toSorted())
  expect(first[0]).toBe('0001_main.sql')
  expect(await migrate(database.sql)).toEqual([])
  expect((await database.sql`select 1 from distro where id = 'ubuntu'`).count).toBe(1)
})

test('portals that start at once apply each migration once between them', async () => {
  await using database = await freshDatabase('template0')
  const others = [1, 2, 3].map(() => openDatabase(database.url))
  const applied = await Promise.all([database.sql, ...others].map(migrate))
  const names = applied.flat()
  expect(applied.filter((each) => each.length > 0)).toHaveLength(1)
  expect(new Set(names).size).toBe(names.length)
  await Promise.all(others.map((sql) => sql.end()))
})

test('the tests run on what the migrations make', async () => {
  await using database = await freshDatabase()
  expect(await migrate(database.sql)).toEqual([])
})
