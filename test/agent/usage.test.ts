import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@jest/globals'
import { openAgentDatabase } from '../../agent/database.ts'
import { imagesIn } from '../../agent/images.ts'
import { usageIn } from '../../agent/usage.ts'
import { WatchDesiredStateResponse } from '../../proto/gen/merge/image/v1/agent.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { temporaryFolder } from '../support/folder.ts'

// Of whole seconds: a file's times are set as floating-point seconds, which can lose a millisecond.
const now = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
const [early, late] = [new Date(now.getTime() - 30_000), new Date(now.getTime() - 10_000)]

async function open() {
  const folder = await temporaryFolder()
  const data = join(folder.path, 'data')
  await mkdir(data)
  const db = openAgentDatabase(data)
  const file = join(folder.path, 'disk')
  await writeFile(file, 'disk')
  return {
    ...{ db, data, file, folder: folder.path },
    usage: usageIn(db, () => now),
    async [Symbol.asyncDispose]() {
      db.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('who reads a file that was written of an image uses the image, and never earlier than before', async () => {
  await using opened = await open()
  const { usage, file } = opened
  await usage.wrote('a', file)
  for (const time of [late, early]) {
    await utimes(file, time, time)
    await usage.look()
    expect(usage.last()).toEqual(new Map([['a', late]]))
  }
})

test('a use of the future counts as one of now', async () => {
  await using opened = await open()
  const { usage, file } = opened
  await usage.wrote('a', file)
  const future = new Date(now.getTime() + 1e9)
  await utimes(file, future, future)
  await usage.look()
  expect(usage.last()).toEqual(new Map([['a', now]]))
})

test('what took the place of such a file is not read for the image, and what is gone is forgotten', async () => {
  await using opened = await open()
  const { usage, file, db, folder } = opened
  await usage.wrote('a', file)
  const other = join(folder, 'other')
  await writeFile(other, 'another disk')
  await utimes(other, late, late)
  await rename(other, file)
  await usage.look()
  await usage.wrote('b', join(folder, 'none'))
  expect(usage.last()).toEqual(new Map())
  expect(db.prepare('SELECT * FROM written').all()).toEqual([])
  await usage.wrote('c', file)
  await rm(file)
  await usage.look()
  expect(usage.last()).toEqual(new Map())
})

test('an image is pinned until the last who reads it has ended', async () => {
  await using opened = await open()
  const { usage } = opened
  {
    using _one = usage.pin('a')
    {
      using _two = usage.pin('a')
    }
    expect(usage.pinned()).toEqual(new Set(['a']))
  }
  expect(usage.pinned()).toEqual(new Set())
})

test('it is known since when an image is not wanted, until it is wanted again', async () => {
  await using opened = await open()
  const images = imagesIn(opened.db)
  const desired = (...names: readonly string[]) =>
    WatchDesiredStateResponse.create({
      images: names.map((name) => ({
        ...{ holders: [], fetchers: [] },
        image: Image.create({ name }),
      })),
    })
  const since = () => images.arrivals().map(({ unwanted }) => unwanted)
  images.show(Image.create({ name: 'a' }))
  expect(since()).toEqual([undefined])
  images.keepDesired(desired('a'))
  expect(since()).toEqual([undefined])
  images.keepDesired(desired('b'))
  const [first] = since()
  expect(first).toBeInstanceOf(Date)
  images.keepDesired(desired())
  expect(since()).toEqual([first])
  images.show(Image.create({ name: 'a', notes: 'again' }))
  expect(since()).toEqual([first])
  images.keepDesired(desired('a'))
  expect(since()).toEqual([undefined])
})

test('in a database from before there was eviction, what is here came when it was opened', async () => {
  await using folder = await temporaryFolder()
  const image = Image.create({ name: 'a' })
  {
    using db = openAgentDatabase(folder.path)
    imagesIn(db).show(image)
  }
  {
    using db = new DatabaseSync(join(folder.path, 'agent.db'))
    db.exec(`ALTER TABLE image DROP COLUMN arrived; ALTER TABLE image DROP COLUMN unwanted;
      DROP TABLE use; DROP TABLE written; DROP TABLE projection;
      PRAGMA user_version = 2`)
  }
  const before = Date.now()
  using db = openAgentDatabase(folder.path)
  const [arrival] = imagesIn(db).arrivals()
  expect(arrival).toMatchObject({ image, unwanted: undefined })
  expect(arrival?.arrived.getTime()).toBeGreaterThanOrEqual(before)
  expect(usageIn(db, () => now).last()).toEqual(new Map())
})
