import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { BuildFailure, BuildState } from '../../../proto/gen/merge/image/v1/build.ts'
import { BuilderKind } from '../../../proto/gen/merge/image/v1/recipe.ts'
import { endLate, takeBackLapsed } from '../../../services/builds/keeping.ts'
import { makeLog } from '../../../lib/log.ts'
import { claim, claimRequest, fail, finish, log, putRecipe, run } from '../../support/builds.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('builders', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer')
    builder = portal.as('agent:portal')
    await makeFacilities(portal.as('admin'), 'lab1')
    await putRecipe(producer, 'std')
    await putRecipe(producer, 'twice', { limits: '{attempts: 2, log: 64K}' })
  })

  /** Every build of a test has ended after it. */
  afterEach(async () => {
    await portal.sql`
      update build set state = 'cancelled', end_time = now(), lease_time = null where end_time is null`
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const get = async (name: string) => (await producer.builds.getBuild({ name })).build
  const lapse = async () => {
    await portal.sql`update build set lease_time = now() - interval '1 second' where state = 'running'`
    await takeBackLapsed({ sql: portal.sql, log: makeLog('silent'), newUlid: ulid })
  }
  const lost = { kind: 'precondition', reason: 'BUILD_LOST' }

  test('get the oldest build that waits, with its recipe and the name of its image', async () => {
    const [first, second] = [await run(producer, 'std'), await run(producer, 'std')]
    const one = await claim(builder)
    expect(one).toMatchObject({
      build: {
        name: first,
        state: BuildState.BUILD_STATE_RUNNING,
        builder: 'agent:portal',
        attempt: 1,
        maxAttempts: 3,
        image: 'debian-13.0-std-x86-20261127',
      },
      recipe: { name: 'std', version: 1, text: expect.stringContaining('line: debian-13') },
      former: undefined,
    })
    expect(one.expireTime?.getTime()).toBeGreaterThan(Date.now() + 30_000)
    const two = await claim(builder, { holding: [one.claim] })
    expect(two.build).toMatchObject({ name: second, image: 'debian-13.0-std-x86-20261127.1' })
  })

  test('get only what they can build', async () => {
    await run(producer, 'std')
    const nothing = { build: undefined, recipe: undefined }
    const other = [BuilderKind.BUILDER_KIND_DNF]
    const { builds } = builder
    expect(await builds.claimBuild(claimRequest({ kinds: other }))).toMatchObject(nothing)
    expect(await builds.claimBuild(claimRequest({ archs: ['riscv64'] }))).toMatchObject(nothing)
    const lab1 = portal.as('agent:lab1')
    expect(await lab1.builds.claimBuild(claimRequest({ facility: 'lab1' }))).toMatchObject(nothing)
    expect((await claim(builder)).build.recipe).toBe('std')
  })

  test('that wait hear of a build at once', async () => {
    const waiting = builder.builds.claimBuild(claimRequest({ waitSeconds: 60 }))
    const name = await run(producer, 'std')
    expect((await waiting).build?.name).toBe(name)
  })

  test('get each build once, however many ask at a time', async () => {
    const names = await Promise.all(Array.from({ length: 5 }, () => run(producer, 'std')))
    const asked = Array.from({ length: 12 }, (_, i) => claimRequest({ worker: `w${i}` }))
    const answers = await Promise.all(asked.map((request) => builder.builds.claimBuild(request)))
    const got = answers.flatMap(({ build }) => (build === undefined ? [] : [build.name]))
    expect(got.toSorted()).toEqual(names.toSorted())
  })

  test('that ask again by the same claim get the same build', async () => {
    await run(producer, 'std')
    await run(producer, 'std')
    const request = claimRequest()
    const [one, two] = [
      await builder.builds.claimBuild(request),
      await builder.builds.claimBuild(request),
    ]
    expect(two).toEqual(one)
  })

  test('that give no sign of life lose their build to another one, under the same name', async () => {
    const name = await run(producer, 'std')
    const first = await claim(builder)
    await log(builder, first, 'one\n')
    await lapse()
    expect(await get(name)).toMatchObject({ state: BuildState.BUILD_STATE_QUEUED, attempt: 1 })
    const second = await claim(builder, { worker: 'w2' })
    expect(second.build).toMatchObject({ name, attempt: 2, image: first.build.image })
    await expect(log(builder, first, 'late\n', 4)).rejects.toMatchObject(lost)
    await expect(fail(builder, first.claim)).rejects.toMatchObject(lost)
    const beat = { claim: first.claim, progress: undefined }
    await expect(builder.builds.heartbeatBuild(beat)).rejects.toMatchObject(lost)
    await log(builder, second, 'two\n', Number(second.build.logBytes))
    expect(await text(name)).toBe(
      'one\n-- agent:portal went away (1 of 3 times); it begins anew\ntwo\n',
    )
  })

  test('that never end a build lose it an hour after its time', async () => {
    await putRecipe(producer, 'slow', { limits: '{time: 90m}' })
    const name = await run(producer, 'slow')
    const mine = await claim(builder)
    const beat = { claim: mine.claim, progress: undefined }
    const after = async (time: string) => {
      await portal.sql`update build set start_time = now() - ${time}::interval where name = ${name}`
      await endLate({ sql: portal.sql, log: makeLog('silent') })
    }
    await after('2 hours 29 minutes')
    expect(await builder.builds.heartbeatBuild(beat)).toMatchObject({ cancelled: false })
    await after('2 hours 31 minutes')
    await expect(builder.builds.heartbeatBuild(beat)).rejects.toMatchObject(lost)
    await expect(log(builder, mine, 'late\n')).rejects.toMatchObject(lost)
    await expect(finish(builder, mine, Buffer.from('late'))).rejects.toMatchObject(lost)
    expect(await get(name)).toMatchObject({
      state: BuildState.BUILD_STATE_FAILED,
      failure: BuildFailure.BUILD_FAILURE_TIME,
      message:
        'It is over its limit of 90 minutes by more than an hour, and agent:portal did not end it.',
    })
  })

  test('that never end what is cancelled lose it as cancelled', async () => {
    const name = await run(producer, 'std')
    const mine = await claim(builder)
    await producer.builds.cancelBuild({ requestId: randomUUID(), name })
    await portal.sql`update build set start_time = now() - interval '3 hours' where name = ${name}`
    await endLate({ sql: portal.sql, log: makeLog('silent') })
    await expect(log(builder, mine, 'late\n')).rejects.toMatchObject(lost)
    expect((await get(name))?.state).toBe(BuildState.BUILD_STATE_CANCELLED)
  })

  test('that go away too often let the build fail', async () => {
    const name = await run(producer, 'twice')
    for (let i = 0; i < 2; i++) {
      await claim(builder)
      await lapse()
    }
    expect(await get(name)).toMatchObject({
      state: BuildState.BUILD_STATE_FAILED,
      failure: BuildFailure.BUILD_FAILURE_LOST,
      message:
        'Its builders went away in the middle of it, 2 of 2 times; agent:portal was the last.',
    })
  })

  test('that start again give up at once what they do not hold', async () => {
    const [one, two] = [await run(producer, 'std'), await run(producer, 'std')]
    const first = await claim(builder)
    const second = await claim(builder, { holding: [first.claim] })
    expect([first.build.name, second.build.name]).toEqual([one, two])
    const again = await claim(builder, { holding: [second.claim] })
    expect(again.build).toMatchObject({ name: one, attempt: 2 })
    expect(await get(two)).toMatchObject({ state: BuildState.BUILD_STATE_RUNNING, attempt: 1 })
  })

  test('keep a build by heartbeats, and tell how far it is', async () => {
    const name = await run(producer, 'std')
    const { claim: mine } = await claim(builder)
    await portal.sql`update build set lease_time = now() - interval '1 second' where name = ${name}`
    const progress = { step: 'installing packages', done: 3n, total: 10n }
    const beat = await builder.builds.heartbeatBuild({ claim: mine, progress })
    expect(beat).toMatchObject({ cancelled: false })
    await takeBackLapsed({ sql: portal.sql, log: makeLog('silent'), newUlid: ulid })
    expect(await get(name)).toMatchObject({ state: BuildState.BUILD_STATE_RUNNING, progress })
  })

  test('do not act under the claim of another', async () => {
    await run(producer, 'std')
    const { claim: mine } = await claim(builder)
    const other = portal.as('agent:lab1')
    const beat = { claim: mine, progress: undefined }
    await expect(other.builds.heartbeatBuild(beat)).rejects.toMatchObject(lost)
    await expect(fail(other, mine)).rejects.toMatchObject(lost)
    await expect(fail(builder, randomUUID())).rejects.toMatchObject(lost)
  })

  test('are told to stop what is cancelled, and it is cancelled whatever they say then', async () => {
    const name = await run(producer, 'std')
    const { claim: mine } = await claim(builder)
    await producer.builds.cancelBuild({ requestId: randomUUID(), name })
    expect(await get(name)).toMatchObject({ state: BuildState.BUILD_STATE_RUNNING, stopping: true })
    const beat = await builder.builds.heartbeatBuild({ claim: mine, progress: undefined })
    expect(beat.cancelled).toBe(true)
    const { build } = await fail(builder, mine, 'killed')
    expect(build).toMatchObject({
      state: BuildState.BUILD_STATE_CANCELLED,
      message: 'producer cancelled it.',
      failure: 0,
    })
    expect((await fail(builder, mine, 'killed')).build).toEqual(build)
  })

  test('that go away with what is cancelled leave it cancelled', async () => {
    const name = await run(producer, 'std')
    await claim(builder)
    await producer.builds.cancelBuild({ requestId: randomUUID(), name })
    await lapse()
    expect((await get(name))?.state).toBe(BuildState.BUILD_STATE_CANCELLED)
  })

  test('end a build once', async () => {
    await run(producer, 'std')
    const { claim: mine } = await claim(builder)
    const { build } = await fail(builder, mine, 'no space')
    expect(build).toMatchObject({
      state: BuildState.BUILD_STATE_FAILED,
      failure: BuildFailure.BUILD_FAILURE_SCRIPT,
      message: 'no space',
    })
    const value = {
      image: 'debian-13.0-std-x86-20261127',
      inputsDigest: `sha256:${'0'.repeat(64)}`,
    }
    const answer = await builder.builds.finishBuild({
      claim: mine,
      outcome: { $case: 'skipped', value },
    })
    expect(answer.build).toEqual(build)
  })

  describe('log', () => {
    test('what comes twice once', async () => {
      const name = await run(producer, 'std')
      const mine = await claim(builder)
      expect(await log(builder, mine, 'one\n')).toEqual({ logBytes: 4n, cancelled: false })
      expect(await log(builder, mine, 'two\n', 4)).toMatchObject({ logBytes: 8n })
      expect(await log(builder, mine, 'one\n')).toMatchObject({ logBytes: 8n })
      expect(await text(name)).toBe('one\ntwo\n')
    })

    test.each([
      ['after the end', 9, 'x'],
      ['in the middle', 2, 'x'],
      ['something else than before', 0, 'eno\n'],
    ])('not %s', async (_, offset, what) => {
      await run(producer, 'std')
      const mine = await claim(builder)
      await log(builder, mine, 'one\n')
      await expect(log(builder, mine, what, offset)).rejects.toMatchObject({
        reason: 'LOG_GAP',
        facts: { offset: '4' },
      })
    })

    test('no more than its limit, and the build can still fail', async () => {
      const name = await run(producer, 'twice')
      const mine = await claim(builder)
      await log(builder, mine, 'x'.repeat(65_000))
      const more = log(builder, mine, 'x'.repeat(1000), 65_000)
      await expect(more).rejects.toMatchObject({ kind: 'exhausted', reason: 'LOG_FULL' })
      await fail(builder, mine.claim, 'too much')
      expect(await text(name)).toMatch(/x\n?-- failed: too much\n$/)
    })

    test('at most 256 KiB at a time', async () => {
      await run(producer, 'std')
      const mine = await claim(builder)
      const invalid = { reason: 'INVALID_FIELD' }
      await expect(log(builder, mine, 'x'.repeat(262_145))).rejects.toMatchObject(invalid)
      await expect(log(builder, mine, '')).rejects.toMatchObject(invalid)
    })
  })

  test.each([
    ['no UUID', { claim: 'x' }],
    ['no worker', { worker: '' }],
    ['no kinds', { kinds: [] }],
    ['an architecture that is none', { archs: ['amd64'] }],
    ['too long a time', { waitSeconds: 61 }],
  ])('are refused with %s', async (_, more) => {
    await expect(builder.builds.claimBuild(claimRequest(more))).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    })
  })

  async function text(name: string): Promise<string> {
    const parts = []
    for await (const { part } of producer.builds.readBuildLog({ name, offset: 0n }))
      parts.push(part)
    return Buffer.concat(parts).toString()
  }
})
