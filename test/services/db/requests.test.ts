import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { missing } from '../../../lib/failure.ts'
import type { Caller } from '../../../lib/rpc/caller.ts'
import { FacilityServiceService as Facilities } from '../../../proto/gen/merge/image/v1/facility.ts'
import { once } from '../../../services/db/requests.ts'
import { freshDatabase } from '../../support/database.ts'

describe('a request id', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>
  const alice: Caller = { name: 'producer:alice', role: { kind: 'producer' } }
  const bob: Caller = { name: 'producer:bob', role: { kind: 'producer' } }

  beforeAll(async () => {
    database = await freshDatabase()
    await database.sql`create table effect (name text not null)`
  })

  afterAll(async () => {
    await database[Symbol.asyncDispose]()
  })

  /** A mutation that leaves a row, and answers with how many there are. */
  function act(requestId: string, name: string, caller = alice) {
    const request = { requestId, name, displayName: '', arch: '' }
    return once(database.sql, Facilities.createFacility, caller, request, async (tx) => {
      await tx`insert into effect (name) values (${name})`
      const [row] = await tx<{ n: bigint }[]>`select count(*) as n from effect where name = ${name}`
      return { facility: { ...empty, name, storedBytes: row?.n ?? 0n } }
    })
  }

  const empty = {
    customQuotaBytes: 0n,
    customBytes: 0n,
    customDays: 0,
    displayName: '',
    arch: '',
    createTime: undefined,
    agentTime: undefined,
    peerAddress: '',
    desiredGeneration: 0n,
    appliedGeneration: 0n,
    wantedCount: 0,
    presentCount: 0,
  }

  async function effects(name: string): Promise<number> {
    return (await database.sql`select 1 from effect where name = ${name}`).count
  }

  test('that comes sixteen times at once takes effect once, and each answer is the same', async () => {
    const id = randomUUID()
    const answers = await Promise.all(Array.from({ length: 16 }, () => act(id, 'sixteen')))
    expect(await effects('sixteen')).toBe(1)
    expect(new Set(answers.map(({ facility }) => facility?.storedBytes))).toEqual(new Set([1n]))
  })

  test('serves no other request, and no other method', async () => {
    const requestId = randomUUID()
    await act(requestId, 'reused')
    const told = { kind: 'exists', reason: 'REQUEST_ID_REUSED', facts: { request_id: requestId } }
    await expect(act(requestId, 'other')).rejects.toMatchObject(told)
    const push = { requestId, image: 'reused', facility: '' }
    const work = () => Promise.reject(new Error('it was done'))
    await expect(once(database.sql, Facilities.pushImage, alice, push, work)).rejects.toMatchObject(
      told,
    )
    expect(await effects('other')).toBe(0)
  })

  test('is of its caller: two callers may use the same', async () => {
    const id = randomUUID()
    await act(id, 'shared')
    await act(id, 'shared', bob)
    expect(await effects('shared')).toBe(2)
  })

  test('of a request that failed is free again, and the failed one left nothing', async () => {
    const requestId = randomUUID()
    const request = { requestId, name: 'failed', displayName: '', arch: '' }
    const failure = missing('NOT_FOUND', 'it is not there')
    const failed = once(database.sql, Facilities.createFacility, alice, request, async (tx) => {
      await tx`insert into effect (name) values ('failed')`
      throw failure
    })
    await expect(failed).rejects.toBe(failure)
    expect(await effects('failed')).toBe(0)
    await act(requestId, 'failed')
    expect(await effects('failed')).toBe(1)
  })

  test('of a request that is only validated is free, and what was done is undone', async () => {
    const requestId = randomUUID()
    const request = { requestId, name: 'tried', displayName: '', arch: '', validateOnly: true }
    const tried = await once(
      database.sql,
      Facilities.createFacility,
      alice,
      request,
      async (tx) => {
        await tx`insert into effect (name) values ('tried')`
        return { facility: { ...empty, name: 'tried', storedBytes: 7n } }
      },
    )
    expect(tried.facility?.storedBytes).toBe(7n)
    expect(await effects('tried')).toBe(0)
    await act(requestId, 'tried')
    expect(await effects('tried')).toBe(1)
  })

  test('of a request that is only validated must be a UUID, and its failure is told', async () => {
    const request = { requestId: 'once', name: '', displayName: '', arch: '', validateOnly: true }
    const work = () => Promise.reject(missing('NOT_FOUND', 'it is not there'))
    const attempt = (requestId: string) =>
      once(database.sql, Facilities.createFacility, alice, { ...request, requestId }, work)
    await expect(attempt('once')).rejects.toMatchObject({ facts: { field: 'request_id' } })
    await expect(attempt('')).rejects.toMatchObject({ reason: 'NOT_FOUND' })
  })

  test('that is left out lets each call stand for itself', async () => {
    await Promise.all([act('', 'none'), act('', 'none')])
    expect(await effects('none')).toBe(2)
  })

  test('that is no UUID is refused', async () => {
    await expect(act('once', 'bad')).rejects.toMatchObject({ facts: { field: 'request_id' } })
  })
})
