import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Sql } from '../../../services/db/open.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const names = ['lab1', 'lab2', 'lab3', 'lab4', 'lab5']

describe('a change of the past', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let sql: Sql
  let admin: Clients

  beforeEach(async () => {
    portal = await freshPortal()
    sql = portal.sql
    admin = portal.as('admin')
    await makeFacilities(admin, ...names)
    expect(await verify()).toMatchObject({ whole: true, firstSequence: 1n, lastSequence: 5n })
  })

  afterEach(() => portal[Symbol.asyncDispose]())

  const verify = (afterSequence = 0n, hash = '') =>
    admin.audit.verifyEvents({ afterSequence, hash })

  /** As somebody who may do everything in the database. */
  async function byHand(statement: string): Promise<void> {
    await sql.begin(async (tx) => {
      await tx.unsafe('set local session_replication_role = replica')
      await tx.unsafe(statement)
    })
  }

  test.each([
    `update event set actor = 'nobody'`,
    `delete from event`,
    `truncate event`,
    `delete from event_head`,
    `truncate event_head`,
    `update event_head set sequence = 1`,
  ])('is refused by the database: %s', async (statement) => {
    await expect(sql.unsafe(statement)).rejects.toMatchObject({ code: '23000' })
  })

  test('is refused of what is not chained yet', async () => {
    await sql.begin(async (tx) => {
      const insert = tx`
        insert into event_draft (actor, role, peer, method, request_id, resources, outcome, reason, request,
          before_etag, before_state, after_etag, after_state, suppressed)
        values ('system', 'system', '', 'test', '', '{}', 'done', '', '', '', '', '', '', 0)`
      await insert
      for (const statement of ['update event_draft set actor = role', 'delete from event_draft']) {
        const attempt = tx.savepoint((part) => part.unsafe(statement))
        await expect(attempt).rejects.toMatchObject({ code: '23000' })
      }
    })
  })

  test.each([
    [`update event set actor = 'producer:eve' where sequence = 3`, 3n, 'it was changed'],
    [`update event set time = time - interval '1 day' where sequence = 2`, 2n, 'it was changed'],
    [`update event set request = '' where sequence = 5`, 5n, 'it was changed'],
    [`update event set hash = sha256('') where sequence = 4`, 4n, 'it was changed'],
    [`delete from event where sequence = 3`, 3n, 'is missing'],
    [`delete from event where sequence >= 4`, 4n, 'there were 5'],
    [
      `update event set prev_hash = sha256('') where sequence = 1`,
      1n,
      'the hash of the event before',
    ],
    [`update event_head set hash = sha256('')`, 6n, 'not those that the portal put there'],
  ])('made by hand is found: %s', async (statement, brokenSequence, message) => {
    await byHand(statement)
    const verdict = await verify()
    expect(verdict).toMatchObject({
      whole: false,
      brokenSequence,
      lastSequence: brokenSequence - 1n,
    })
    expect(verdict.message).toContain(message)
  })

  test('is found by a hash that was noted elsewhere, where the whole chain was written anew', async () => {
    const noted = (await verify()).lastHash
    expect(await verify(5n, noted)).toMatchObject({
      whole: true,
      lastSequence: 5n,
      lastHash: noted,
    })
    await makeFacilities(admin, 'lab6')
    expect(await verify(5n, noted)).toMatchObject({ whole: true, firstSequence: 6n })
    expect(
      await verify(
        5n,
        noted.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      ),
    ).toMatchObject({
      whole: false,
      brokenSequence: 5n,
    })
  })

  test('that nobody noted an event of is no question', async () => {
    await expect(verify(0n, '00'.repeat(32))).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
    await expect(verify(1n, 'abc')).rejects.toMatchObject({ facts: { field: 'hash' } })
  })
})
