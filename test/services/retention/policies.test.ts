import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { RetentionPolicy } from '../../../proto/gen/merge/image/v1/retention.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal } from '../../support/portal.ts'
import { retentionCalls } from '../../support/retention.ts'

describe('retention policies', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: ReturnType<typeof retentionCalls>
  let manager: ReturnType<typeof retentionCalls>
  const now = new Date('2026-06-15T12:00:00Z')

  beforeAll(async () => {
    portal = await freshPortal(() => now)
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    admin = retentionCalls(portal.as('admin'))
    manager = retentionCalls(portal.as('manager:lab1'))
  })

  afterAll(() => portal[Symbol.asyncDispose]())
  afterEach(() => portal.sql`delete from policy`)

  const usual = { name: 'std', pattern: 'debian-*-std-x86', keepNewest: 3, expireAfterDays: 90 }
  const refused = (policy: Partial<RetentionPolicy>) => expect(admin.put(policy)).rejects

  test('are kept as they were written, with what is usual filled in', async () => {
    const policy = await admin.put({ ...usual, cron: '0  3 * * *', notes: 'nightly' })
    expect(policy).toMatchObject({
      ...{ ...usual, cron: '0 3 * * *', timeZone: 'UTC', brakePercent: 20, author: 'admin' },
      ...{ nextTime: new Date('2026-06-16T03:00:00Z'), etag: '1' },
    })
    const { retention } = portal.as('experimenter')
    expect((await retention.getPolicy({ name: 'std' })).policy).toEqual(policy)
    const page = { pageSize: 1, pageToken: '' }
    expect((await retention.listPolicies(page)).policies).toEqual([policy])
  })

  test('are replaced under their etag, and keep to their schedule', async () => {
    await admin.put({ ...usual, cron: '0 3 * * *' })
    const next = new Date('2026-06-20T03:00:00Z')
    await portal.sql`update policy set next_time = ${next}`
    const policy = await admin.put({ ...usual, cron: '0 3 * * *', keepNewest: 5 }, '1')
    expect(policy).toMatchObject({ keepNewest: 5, etag: '2', nextTime: next })
    await expect(admin.put(usual, '1')).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' })
    expect((await admin.put(usual, '2')).nextTime).toBeUndefined()
  })

  test('take effect once, however often they are sent', async () => {
    const request = { requestId: randomUUID(), etag: '', validateOnly: false }
    const policy = RetentionPolicy.create(usual)
    const { retention } = portal.as('admin')
    const first = await retention.putPolicy({ ...request, policy })
    expect(await retention.putPolicy({ ...request, policy })).toEqual(first)
    expect((await retention.getPolicy({ name: 'std' })).policy?.etag).toBe('1')
  })

  test('can be tried without being kept', async () => {
    const request = { requestId: randomUUID(), etag: '', validateOnly: true }
    const { retention } = portal.as('admin')
    const tried = await retention.putPolicy({ ...request, policy: RetentionPolicy.create(usual) })
    expect(tried.policy?.name).toBe('std')
    await expect(retention.getPolicy({ name: 'std' })).rejects.toMatchObject({
      reason: 'POLICY_NOT_FOUND',
    })
  })

  test('that would remove everything are refused', async () => {
    await refused({ ...usual, keepNewest: 0, expireAfterDays: 1 }).toMatchObject({
      kind: 'invalid',
      reason: 'POLICY_REMOVES_ALL',
    })
  })

  test('that overlap with another one, neither the more specific, are refused, with a line of both', async () => {
    await admin.put(usual)
    await refused({ ...usual, name: 'other', pattern: 'debian-13-*-x86' }).toMatchObject({
      reason: 'POLICY_OVERLAPS',
      facts: { policy: 'std', line: 'debian-13-std-x86' },
    })
    await refused({ ...usual, name: 'same' }).toMatchObject({ reason: 'POLICY_OVERLAPS' })
    await admin.put({ ...usual, name: 'inner', pattern: 'debian-13-std-x86' })
    await admin.put({ ...usual, name: 'outer', pattern: 'debian-*-*-x86' })
  })

  test('that are put at once do not slip past each other', async () => {
    const answers = await Promise.allSettled([
      admin.put(usual),
      admin.put({ ...usual, name: 'other', pattern: 'debian-13-*-x86' }),
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('with a schedule that never comes, or that no cron is, are refused', async () => {
    await refused({ ...usual, cron: '0 0 31 2 *' }).toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'cron' },
      message: expect.stringContaining('never comes'),
    })
    await refused({ ...usual, cron: 'daily' }).toMatchObject({ facts: { field: 'cron' } })
    await refused({ ...usual, timeZone: 'Mars/Base' }).toMatchObject({
      facts: { field: 'time_zone' },
    })
  })

  test.each([
    [{ name: 'No name' }, 'INVALID_NAME'],
    [{ pattern: 'debian' }, 'INVALID_FIELD'],
    [{ brakePercent: 101 }, 'INVALID_FIELD'],
    [{ keepNewest: 4_000_000_000 }, 'INVALID_FIELD'],
    [{ notes: 'x'.repeat(1001) }, 'INVALID_FIELD'],
    [{ archiveAfterDays: 100 }, 'INVALID_FIELD'],
    [{ capBytes: 1n }, 'INVALID_FIELD'],
    [{ pattern: 'lab9/debian-*-std-x86' }, 'FACILITY_NOT_FOUND'],
  ])('with %o is refused: %s', async (flaw, reason) => {
    await refused({ ...usual, ...flaw }).toMatchObject({ reason })
  })

  test('of a facility are its manager’s, and no others are', async () => {
    const own = { ...usual, name: 'own', pattern: 'lab1/*-*-*-*' }
    expect((await manager.put(own)).author).toBe('manager:lab1')
    await admin.put(usual)
    const denied = { kind: 'denied', reason: 'NOT_ALLOWED' }
    for (const pattern of ['lab2/*-*-*-*', '*/*-*-*-*', '*-*-*-*']) {
      await expect(manager.put({ ...own, pattern })).rejects.toMatchObject(denied)
    }
    // Under the name of somebody else's policy.
    await expect(manager.put({ ...own, name: 'std' })).rejects.toMatchObject(denied)
    await expect(manager.remove('std')).rejects.toMatchObject(denied)
    await manager.remove('own')
    await expect(manager.remove('own')).rejects.toMatchObject({ reason: 'POLICY_NOT_FOUND' })
  })
})
