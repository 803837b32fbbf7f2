import { expect, test } from '@jest/globals'
import { wordsOf } from '../../lib/names/resolve.ts'
import { readCatalogue } from '../../services/catalog/queries.ts'
import { everyEnd, readMany } from '../lib/names/babble.ts'
import { aWorld, images } from '../lib/names/world.ts'
import { freshDatabase } from '../support/database.ts'

test('a million random texts are read, or refused for a documented reason', async () => {
  await using database = await freshDatabase()
  const { catalogue } = await readCatalogue(database.sql)
  const ends = readMany(1_000_000, wordsOf(aWorld(images, [], catalogue)), 20_261_123)
  expect([...ends.keys()].sort()).toEqual(everyEnd)
  expect([...ends.values()].reduce((sum, count) => sum + count)).toBe(1_000_000)
}, 300_000)
