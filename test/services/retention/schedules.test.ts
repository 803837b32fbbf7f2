import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import { makeLog } from '../../../lib/log.ts'
import { RunState, type RetentionRun } from '../../../proto/gen/merge/image/v1/retention.ts'
import { demandArchive } from '../../../services/archive/archive.ts'
import { planDue } from '../../../services/retention/schedules.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'
import { age, retentionCalls } from '../../support/retention.ts'

// The portal is told that it is 2020, so that it plans nothing by itself; each test says when schedules are looked at.

describe('retention by a schedule', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: ReturnType<typeof retentionCalls>
  let line = ''
  const lines = ['debian-13', 'fedora-43', 'rocky-9'].flatMap((release) =>
    ['x86', 'aarch64'].map((arch) => `${release}-std-${arch}`),
  )

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2020-01-01T12:00:00Z'))
    admin = retentionCalls(portal.as('admin'))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(async () => {
    await portal.sql`delete from policy`
    line = lines.pop() ?? ''
  })

  const publishAll = async (ages: readonly number[], bytes = 1000) => {
    for (const days of ages) {
      const name = await publish(portal.as('producer:alice'), line, randomBytes(bytes))
      await age(portal.sql, name, days)
    }
  }
  const put = (more: object = {}) =>
    admin.put({
      ...{
        name: `nightly-${lines.length}`,
        pattern: line,
        keepNewest: 1,
        expireAfterDays: 30,
        cron: '0 3 * * *',
      },
      ...more,
    })
  const look = (now = new Date(), archive: () => Promise<unknown> = () => Promise.resolve()) =>
    planDue({
      sql: portal.sql,
      now: () => now,
      newUlid: ulid,
      demandArchive: archive,
      log: makeLog('silent'),
    })
  const runs = async (): Promise<readonly RetentionRun[]> =>
    (await admin.runs()).filter(({ pattern }) => pattern === line)

  test('plans when its time has come, and carries it out by itself', async () => {
    await publishAll([60, ...Array<number>(9).fill(0)])
    await put()
    await look(new Date('2019-12-31'))
    expect(await runs()).toEqual([])
    await look()
    const [run] = await runs()
    expect(run).toMatchObject({ creator: 'system', applier: 'system', expireCount: 1n })
    expect(await admin.ended(run?.id ?? '')).toMatchObject({ doneCount: 1n })
  })

  test('makes one plan for all the times that were missed, and none again', async () => {
    await publishAll([0])
    await put()
    await Promise.all([look(), look(), look()])
    await look()
    expect(await runs()).toMatchObject([
      { state: RunState.RUN_STATE_DONE, message: 'There was nothing to do.', keepCount: 1n },
    ])
    const [policy] = await portal.sql<{ nextTime: Date }[]>`select next_time from policy`
    expect(policy?.nextTime.getTime()).toBeGreaterThan(Date.now())
    await look(new Date(Date.now() + 86_400_000))
    expect(await runs()).toHaveLength(2)
  })

  test('waits for a person if it would free much, and lapses when the next one comes', async () => {
    await publishAll([60, 60, 0, 0])
    await put()
    await look()
    const [waiting] = await runs()
    expect(waiting).toMatchObject({ state: RunState.RUN_STATE_WAITING, applier: '' })
    expect(waiting?.message).toBe(
      "It would free 50 % of what the policy's images take, and more than 20 % waits for a person.",
    )
    await look(new Date(Date.now() + 86_400_000))
    const [next, before] = await runs()
    expect(before?.state).toBe(RunState.RUN_STATE_LAPSED)
    await expect(admin.apply(before ?? { id: '', etag: '' })).rejects.toMatchObject({
      reason: 'WRONG_STATE',
    })
    await portal.sql`
      update image set create_time = '2019-01-01' where create_time < now() - interval '50 days'`
    await admin.apply(next ?? { id: '', etag: '' })
    expect(await admin.ended(next?.id ?? '')).toMatchObject({ applier: 'admin', doneCount: 2n })
  })

  test('goes by the policy’s own brake', async () => {
    await publishAll([60, 60, 0, 0])
    await put({ brakePercent: 50 })
    await look()
    const [run] = await runs()
    expect(run?.applier).toBe('system')
  })

  test('judges the images over which its policy decides, and no others', async () => {
    await publishAll([60, 0])
    const inner = line.replace('-std-', '-hypervisor-')
    await publish(portal.as('producer:alice'), inner, randomBytes(100))
    await put({ pattern: line.replace('-std-', '-*-') })
    await admin.put({ name: 'inner', pattern: inner, keepNewest: 1 })
    await look()
    const [run] = (await admin.runs()).filter(({ pattern }) => pattern.includes('-*-'))
    expect(run).toMatchObject({ keepCount: 1n, expireCount: 1n })
  })

  test('waits where it would archive and there is no archive', async () => {
    await publishAll([60, ...Array<number>(9).fill(0)])
    await put({ expireAfterDays: 0, archiveAfterDays: 30 })
    await look(new Date(), () => demandArchive(undefined))
    const [run] = await runs()
    expect(run?.state).toBe(RunState.RUN_STATE_WAITING)
    expect(run?.message).toContain('The portal has no archive')
  })
})
