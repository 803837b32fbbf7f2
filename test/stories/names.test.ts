import { expect, test } from '@jest/globals'
import { wordsOf } from '../../lib/names/resolve.ts'
import { readCatalogue } from '../../services/catalog/queries.ts'
import { everyEnd, readMany } from '../lib/names/babble.ts'
import { aWorld, images } from '../lib/names/world.ts'
import { freshDatabase } from '../support/database.ts'

/** TEXTS=1000000 takes half a minute: the README has what came of it. */
const count = Number(process.env['TEXTS'] ?? 250_000)

test(`${count} random texts are read, or refused for a documented reason`, async () => {
  await using database = await freshDatabase()
  const { catalogue } = await readCatalogue(database.sql)
  const ends = readMany(count, wordsOf(aWorld(images, [], catalogue)), 20_261_123)
  expect([...ends.keys()].sort()).toEqual(everyEnd)
  expect([...ends.values()].reduce((sum, count) => sum + count)).toBe(count)
}, 300_000)
