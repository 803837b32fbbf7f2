import { expect, test } from '@jest/globals'
import { announceBuild, announceQueue, listenForBuilds } from '../../../services/db/changes.ts'
import { freshDatabase } from '../../support/database.ts'

const ages = 1_000_000

test('news of builds wake those whom they concern, and nobody else', async () => {
  await using database = await freshDatabase()
  const { sql } = database
  await using news = await listenForBuilds(sql)
  const over = new AbortController()
  const woken: string[] = []
  const wait = async (who: string, next: Promise<void>): Promise<void> => {
    await next
    if (!over.signal.aborted) woken.push(who)
  }
  const waiting = {
    one: wait('one', news.ofBuild('one', ages, over.signal)),
    two: wait('two', news.ofBuild('two', ages, over.signal)),
    portal: wait('portal', news.ofQueue(null, ages, over.signal)),
    lab1: wait('lab1', news.ofQueue('lab1', ages, over.signal)),
    lab2: wait('lab2', news.ofQueue('lab2', ages, over.signal)),
  }
  await announceBuild(sql, 'one')
  await waiting.one
  await announceQueue(sql, 'lab1')
  await waiting.lab1
  await announceQueue(sql, null)
  await waiting.portal
  expect(woken).toEqual(['one', 'lab1', 'portal'])
  over.abort()
  await Promise.all(Object.values(waiting))
})
