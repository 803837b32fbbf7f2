import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { migrate } from '../../../services/db/migrate.ts'
import { ticketKeys } from '../../../services/tickets/keys.ts'
import { freshDatabase } from '../../support/database.ts'

describe('the keys of tickets', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>
  let now = new Date('2026-11-24T12:00:00Z')

  beforeEach(async () => {
    now = new Date('2026-11-24T12:00:00Z')
    database = await freshDatabase()
    await migrate(database.sql)
  })

  afterEach(async () => {
    await database[Symbol.asyncDispose]()
  })

  const keyring = () => ticketKeys({ sql: database.sql, now: () => now, newUlid: ulid })
  const laterBy = (ms: number): void => {
    now = new Date(now.getTime() + ms)
  }
  const day = 24 * 60 * 60_000

  test('are the same for portals that start at the same moment', async () => {
    const told = await Promise.all(Array.from({ length: 8 }, () => keyring().told()))
    expect(told[0]).toHaveLength(1)
    for (const keys of told) expect(keys).toEqual(told[0])
    expect((await keyring().signing()).id).toBe(told[0]?.[0]?.id)
  })

  test('are told before they sign, and after', async () => {
    const [first] = await keyring().told()
    laterBy(30 * day)
    const [second, former, ...more] = await keyring().told()
    expect([former, more]).toEqual([first, []])
    expect((await keyring().signing()).id).toBe(first?.id)
    laterBy(15 * 60_000)
    expect((await keyring().signing()).id).toBe(second?.id)
    laterBy(30 * day)
    const ids = (await keyring().told()).map(({ id }) => id)
    expect(ids).toHaveLength(2)
    expect(ids).toContain(second?.id)
    expect(ids).not.toContain(first?.id)
  })
})
