import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  ItemOutcome,
  RetentionAction,
  RetentionRule,
  RunState,
} from '../../../proto/gen/merge/image/v1/retention.ts'
import { CreateLockRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { age, going, retentionCalls } from '../../support/retention.ts'

describe('retention plans', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let admin: ReturnType<typeof retentionCalls>

  beforeAll(async () => {
    portal = await freshPortal(undefined, undefined, ['--collect-every', '0'])
    producer = portal.as('producer:alice')
    admin = retentionCalls(portal.as('admin'))
    await makeFacilities(portal.as('admin'), 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const lines = ['debian', 'fedora', 'rocky', 'alma', 'kali'].flatMap((distro) =>
    ['x86', 'aarch64', 'riscv64'].map((arch) => ({ distro, arch })),
  )
  const releases: Readonly<Record<string, string>> = {
    ...{ debian: '13', fedora: '43', rocky: '9', alma: '9', kali: '2026' },
  }
  let [line, policy] = ['', '']
  let images: string[] = []

  /** Four images of a line of its own, one of each of the last 100, 50, 20 and 0 days; the policy keeps two. */
  beforeEach(async () => {
    const { distro, arch } = lines.pop() ?? { distro: '', arch: '' }
    line = `${distro}-${releases[distro] ?? ''}-std-${arch}`
    images = []
    for (const days of [100, 50, 20, 0]) {
      const name = await publish(producer, line, randomBytes(2000))
      await age(portal.sql, name, days)
      images.push(name)
    }
    policy = `p${randomUUID().slice(0, 8)}`
    await admin.put({ name: policy, pattern: line, keepNewest: 2, expireAfterDays: 30 })
  })

  const image = (i: number): string => images[i] ?? ''
  const storageOf = async () => {
    const rows = await portal.sql<{ storage: string }[]>`
      select storage from image where name = any (${images}) order by sequence`
    return rows.map(({ storage }) => storage)
  }
  const lock = (reference: string) =>
    producer.resolver.createLock(
      CreateLockRequest.create({
        requestId: randomUUID(),
        nodes: [{ node: 'a', reference, arch: '' }],
        reason: 'a paper',
      }),
    )

  test('say of each image what becomes of it, by which rule and why', async () => {
    await lock(image(0))
    const run = await admin.plan(line)
    expect(run).toMatchObject({
      ...{ state: RunState.RUN_STATE_PLANNED, creator: 'admin', pattern: line },
      ...{ keepCount: 3n, archiveCount: 0n, expireCount: 1n, doneCount: 0n },
    })
    const items = await admin.items(run.id)
    expect(items.map(({ image, rule }) => [image, rule])).toEqual(
      [
        [image(0), RetentionRule.RETENTION_RULE_NEEDED],
        [image(1), RetentionRule.RETENTION_RULE_EXPIRE_AFTER],
        [image(2), RetentionRule.RETENTION_RULE_NEWEST],
        [image(3), RetentionRule.RETENTION_RULE_NEEDED],
      ].toSorted(),
    )
    const held = items.find(({ image: name }) => name === image(0))
    expect(held).toMatchObject({
      policy,
      message: 'It stays: producer:alice holds it: a paper.',
      holders: [{ message: 'producer:alice holds it: a paper', untilTime: undefined }],
    })
    expect(going(await admin.items(run.id, RetentionAction.RETENTION_ACTION_EXPIRE))).toEqual({
      [image(1)]: 'expire',
    })
  })

  test('are carried out, exactly, and once', async () => {
    const run = await admin.plan(line)
    await admin.apply(run)
    expect(await admin.ended(run.id)).toMatchObject({
      ...{ state: RunState.RUN_STATE_DONE, applier: 'admin', doneCount: 2n },
    })
    expect(await storageOf()).toEqual(['expired', 'expired', 'present', 'present'])
    const [item] = await admin.items(run.id, RetentionAction.RETENTION_ACTION_EXPIRE)
    expect(item).toMatchObject({ outcome: ItemOutcome.ITEM_OUTCOME_DONE })
    const page = { pageSize: 1, pageToken: '' }
    const { changes } = await producer.images.listImageChanges({ ...page, name: image(0) })
    expect(changes[0]).toMatchObject({ actor: 'admin' })
    expect(changes[0]?.reason).toBe(
      `It goes: it is older than 30 days, and nothing keeps it (policy ${policy}); plan ${run.id}`,
    )
    await expect(admin.apply(run)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    expect(await admin.plan(line)).toMatchObject({ expireCount: 0n, archiveCount: 0n })
  })

  test('are refused under another etag, and where there is no such plan', async () => {
    const run = await admin.plan(line)
    await expect(admin.apply({ ...run, etag: 'other' })).rejects.toMatchObject({
      reason: 'ETAG_MISMATCH',
    })
    await expect(admin.apply({ ...run, etag: '' })).rejects.toMatchObject({
      reason: 'ETAG_MISMATCH',
    })
    await expect(admin.apply({ ...run, id: 'none' })).rejects.toMatchObject({
      reason: 'RUN_NOT_FOUND',
    })
    await expect(admin.ended('none')).rejects.toMatchObject({ reason: 'RUN_NOT_FOUND' })
    await expect(admin.items('none')).rejects.toMatchObject({ reason: 'RUN_NOT_FOUND' })
    expect((await admin.get(run.id)).state).toBe(RunState.RUN_STATE_PLANNED)
  })

  const moved: readonly (readonly [string, () => Promise<unknown>, () => string])[] = [
    ['a hold was placed', () => lock(image(0)), () => 'holds it: a paper'],
    [
      'an alias points at one now',
      () => aliasCalls(producer).set(`a${policy}`, image(1)),
      () => `the alias a${policy} points at it`,
    ],
    [
      'the policy changed',
      () => admin.put({ name: policy, pattern: line, keepNewest: 2, expireAfterDays: 31 }),
      () => `the policy ${policy} changed`,
    ],
    ['the policy was deleted', () => admin.remove(policy), () => 'no policy is about its line'],
  ]
  test.each(moved)('are refused once %s, and say so', async (_what, change, why) => {
    const run = await admin.plan(line)
    await change()
    const refused = admin.apply(run)
    await expect(refused).rejects.toMatchObject({ kind: 'precondition', reason: 'PLAN_STALE' })
    await expect(refused).rejects.toThrow(why())
    expect(await storageOf()).toEqual(['present', 'present', 'present', 'present'])
    expect((await admin.get(run.id)).state).toBe(RunState.RUN_STATE_PLANNED)
  })

  test('leave alone what comes to be needed while they are carried out', async () => {
    const run = await admin.plan(line)
    // As if it had been held between the last look at the plan and its turn.
    await portal.sql.begin(async (tx) => {
      await tx`
        insert into hold (id, image, kind, owner, reason, link)
        values (${randomUUID()}, ${image(0)}, 'person', 'bob', 'a course', '')`
      await tx`update retention_run set state = 'applying', applier = 'admin' where id = ${run.id}`
    })
    expect(await admin.ended(run.id)).toMatchObject({ doneCount: 2n })
    expect(await storageOf()).toEqual(['present', 'expired', 'present', 'present'])
    const items = await admin.items(run.id, RetentionAction.RETENTION_ACTION_EXPIRE)
    expect(items.find(({ image: name }) => name === image(0))).toMatchObject({
      outcome: ItemOutcome.ITEM_OUTCOME_LEFT,
      outcomeMessage: `${image(0)} is needed: bob holds it: a course.`,
    })
  })

  test('that archive are refused where there is no archive', async () => {
    await admin.put({ name: policy, pattern: line, keepNewest: 2, archiveAfterDays: 30 })
    const run = await admin.plan(line)
    expect(run).toMatchObject({ archiveCount: 2n, expireCount: 0n })
    await expect(admin.apply(run)).rejects.toMatchObject({ reason: 'ARCHIVE_UNREACHABLE' })
  })

  test('have bytes moved to the archive, and end once they are there', async () => {
    await admin.put({ name: policy, pattern: line, keepNewest: 3, archiveAfterDays: 30 })
    await age(portal.sql, image(1), 10)
    await age(portal.sql, image(0), 60)
    const run = await admin.plan(line)
    expect(going(await admin.items(run.id))).toEqual({ [image(0)]: 'archive' })
    await portal.sql`
      update retention_run set state = 'applying', applier = 'admin' where id = ${run.id}`
    const watching = admin.ended(run.id)
    for (;;) {
      const rows = await portal.sql`select kind, actor from move where image = ${image(0)}`
      if (rows.length > 0) break
    }
    expect((await admin.get(run.id)).doneCount).toBe(0n)
    await portal.sql.begin(async (tx) => {
      await tx`update image set storage = 'archived' where name = ${image(0)}`
      await tx`delete from move where image = ${image(0)}`
    })
    expect(await watching).toMatchObject({ state: RunState.RUN_STATE_DONE, doneCount: 1n })
  })

  test('of a facility are its manager’s to make and to carry out, and no others are', async () => {
    const manager = retentionCalls(portal.as('manager:lab1'))
    const own = await manager.plan()
    expect(own.pattern).toBe('lab1/*-*-*-*')
    const denied = { kind: 'denied', reason: 'NOT_ALLOWED' }
    await expect(manager.plan(line)).rejects.toMatchObject(denied)
    await expect(manager.apply(await admin.plan(line))).rejects.toMatchObject(denied)
    await expect(manager.apply(await admin.plan())).rejects.toMatchObject(denied)
    await manager.apply(own)
    expect((await manager.ended(own.id)).state).toBe(RunState.RUN_STATE_DONE)
  })

  test('are forgotten after a week if nobody applied them', async () => {
    const run = await admin.plan(line)
    await portal.sql`
      update retention_run set plan_time = now() - interval '8 days' where id = ${run.id}`
    await using restarted = await freshPortal(undefined, portal.database)
    const again = retentionCalls(restarted.as('admin'))
    while ((await again.runs()).some(({ id }) => id === run.id))
      await again.get(run.id).catch(() => 0)
    await expect(admin.get(run.id)).rejects.toMatchObject({ reason: 'RUN_NOT_FOUND' })
  })

  test('are explained for one image: every rule, and when it will go', async () => {
    const { item, rules, message } = await admin.explain(image(2))
    expect(item).toMatchObject({ rule: RetentionRule.RETENTION_RULE_NEWEST, policy })
    expect(message).toContain('It stays: it is among the newest 2 of its line')
    expect(rules.find(({ rule }) => rule === RetentionRule.RETENTION_RULE_EXPIRE_AFTER)).toEqual({
      ...{ rule: RetentionRule.RETENTION_RULE_EXPIRE_AFTER, applies: false },
      message: 'What is 30 days old is expired; it is younger.',
    })
    expect((await admin.explain(image(0))).message).toMatch(/^It goes: it is older than 30 days/)
    const run = await admin.plan(line)
    await admin.apply(run)
    await admin.ended(run.id)
    const gone = await admin.explain(image(0))
    expect(gone.item).toBeUndefined()
    expect(gone.message).toMatch(/ expired on .*older than 30 days.*; plan /)
    await expect(admin.explain('debian-13.0-std-x86-20200101')).rejects.toMatchObject({
      reason: 'NOT_FOUND',
    })
  })
})
