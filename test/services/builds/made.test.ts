import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { makeLog } from '../../../lib/log.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import {
  BuildState,
  BuildTrigger,
  ListBuildsRequest,
} from '../../../proto/gen/merge/image/v1/build.ts'
import {
  CheckKind,
  CheckOutcome,
  ImageState,
  type CheckResult,
} from '../../../proto/gen/merge/image/v1/image.ts'
import { endLate, takeBackLapsed } from '../../../services/builds/keeping.ts'
import {
  checks,
  claim,
  fail,
  finish,
  log,
  putRecipe,
  run,
  type Claimed,
} from '../../support/builds.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('an image that is there while it is still checked', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer')
    builder = portal.as('agent:portal')
    const automatic = { release: 'automatic', limits: '{attempts: 2}' }
    await putRecipe(producer, 'std', { ...automatic })
    await putRecipe(producer, 'other', { ...automatic, line: 'debian-12-std-x86' })
  })

  /** Every build of a test has ended after it. */
  afterEach(async () => {
    await portal.sql`
      update build set state = 'cancelled', end_time = now(), lease_time = null where end_time is null`
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const isBoot = ({ kind }: CheckResult): boolean => kind === CheckKind.CHECK_KIND_BOOT
  const buildOf = async (name: string) => (await producer.builds.getBuild({ name })).build
  const imageOf = async (name: string) => (await producer.images.getImage({ name })).image
  const silent = () => ({ sql: portal.sql, log: makeLog('silent'), newUlid: ulid })

  /** A build whose image is there, and has not been booted. */
  async function made(recipe = 'std'): Promise<Claimed & { readonly image: string }> {
    await run(producer, recipe)
    const mine = await claim(builder)
    const quick = { checks: checks().filter((one) => !isBoot(one)), checksFollow: true }
    const { name: image } = await finish(builder, mine, randomBytes(1000), {
      ...quick,
      inputsDigest: `sha256:${'0'.repeat(64)}`,
    })
    return { ...mine, image }
  }

  function tell(
    { claim: mine }: Claimed,
    outcome: CheckOutcome = CheckOutcome.CHECK_OUTCOME_PASSED,
  ) {
    const value = { checks: checks({ [CheckKind.CHECK_KIND_BOOT]: outcome }).filter(isBoot) }
    return builder.builds.finishBuild({ claim: mine, outcome: { $case: 'made', value } })
  }

  const bootOf = async (name: string) => (await imageOf(name))?.checks.find(isBoot)

  test('is a candidate, and its build goes on', async () => {
    const { build, image, ...rest } = await made()
    expect(await imageOf(image)).toMatchObject({ state: ImageState.IMAGE_STATE_CANDIDATE })
    const going = await buildOf(build.name)
    expect(going).toMatchObject({
      state: BuildState.BUILD_STATE_RUNNING,
      image,
      endTime: undefined,
    })
    expect(going?.imageTime).toBeInstanceOf(Date)
    expect(going?.checks).toHaveLength(3)
    await log(builder, { ...rest, build }, 'it boots\n')
  })

  test('is made once, though its build goes on', async () => {
    const mine = await made()
    const second = finish(builder, mine, randomBytes(1000))
    await expect(second).rejects.toMatchObject({ reason: 'BUILD_LOST' })
    const images = await portal.sql`select from image where build = ${mine.build.name}`
    expect(images).toHaveLength(1)
  })

  test('is released once the last check has passed, and aliases follow', async () => {
    await publish(producer, 'debian-12', randomBytes(100))
    const follow = { alias: 'oldstable', follow: 'debian-12' }
    await producer.aliases.setAlias(SetAliasRequest.create({ requestId: randomUUID(), ...follow }))
    const mine = await made('other')
    const { build } = await tell(mine)
    expect(build).toMatchObject({
      state: BuildState.BUILD_STATE_DONE,
      inputsDigest: `sha256:${'0'.repeat(64)}`,
    })
    expect(build?.checks).toHaveLength(4)
    expect((await imageOf(mine.image))?.state).toBe(ImageState.IMAGE_STATE_RELEASED)
    const { alias } = await producer.aliases.getAlias({ alias: 'oldstable' })
    expect(alias?.image).toBe(mine.image)
    // An answer that was lost is asked for again.
    expect((await tell(mine)).build).toEqual(build)
  })

  test('stays a candidate if the last check fails', async () => {
    const mine = await made()
    const { build } = await tell(mine, CheckOutcome.CHECK_OUTCOME_FAILED)
    expect(build?.state).toBe(BuildState.BUILD_STATE_DONE)
    expect((await imageOf(mine.image))?.state).toBe(ImageState.IMAGE_STATE_CANDIDATE)
  })

  test('is told anew to who remembers it, once its last check is over', async () => {
    const mine = await made()
    const before = await imageOf(mine.image)
    expect(before?.provenance?.endTime).toBeUndefined()
    await tell(mine, CheckOutcome.CHECK_OUTCOME_FAILED)
    const after = await imageOf(mine.image)
    expect(after?.checks).toHaveLength(4)
    expect(after?.provenance?.endTime).toBeInstanceOf(Date)
    const generations = await portal.sql<{ image: string; all: string }[]>`
      select image.generation as image, names.generation as all from image, names where name = ${mine.image}`
    expect(generations[0]?.image).toBe(generations[0]?.all)
  })

  test('stays what somebody made of it meanwhile', async () => {
    const mine = await made()
    const about = { requestId: randomUUID(), name: mine.image, etag: '', replacement: '' }
    await producer.images.revokeImage({ ...about, reason: 'a key is in it' })
    await tell(mine)
    expect((await imageOf(mine.image))?.state).toBe(ImageState.IMAGE_STATE_REVOKED)
  })

  test('has a check that failed if its builder could not end it', async () => {
    const mine = await made()
    const { build } = await fail(builder, mine.claim, 'the disk is full')
    expect(build).toMatchObject({ state: BuildState.BUILD_STATE_DONE, failure: 0 })
    expect(await bootOf(mine.image)).toMatchObject({
      outcome: CheckOutcome.CHECK_OUTCOME_FAILED,
      message: 'the disk is full',
    })
  })

  test('stays if its build is cancelled, and the build says so', async () => {
    const mine = await made()
    await producer.builds.cancelBuild({ requestId: randomUUID(), name: mine.build.name })
    const { build } = await tell(mine)
    expect(build).toMatchObject({
      state: BuildState.BUILD_STATE_CANCELLED,
      message: `producer cancelled it. ${mine.image} is there already, and stays a candidate.`,
    })
    expect((await imageOf(mine.image))?.state).toBe(ImageState.IMAGE_STATE_CANDIDATE)
  })

  test('has a check that failed if its builder never ends it', async () => {
    const mine = await made()
    await portal.sql`
      update build set start_time = now() - interval '3 hours' where name = ${mine.build.name}`
    await endLate(silent())
    expect((await buildOf(mine.build.name))?.state).toBe(BuildState.BUILD_STATE_DONE)
    const { outcome, message } = (await bootOf(mine.image)) ?? {}
    expect(outcome).toBe(CheckOutcome.CHECK_OUTCOME_FAILED)
    expect(message).toContain('over its limit')
  })

  test('stays a candidate if its builder goes away, and another is built, as often as it is tried', async () => {
    const lapse = async () => {
      await portal.sql`update build set lease_time = now() - interval '1 second' where state = 'running'`
      await takeBackLapsed(silent())
    }
    const first = await made()
    await lapse()
    const [again] = (await producer.builds.listBuilds(ListBuildsRequest.create({ pageSize: 1 })))
      .builds
    expect(again).toMatchObject({
      state: BuildState.BUILD_STATE_QUEUED,
      trigger: BuildTrigger.BUILD_TRIGGER_RETRY,
      retryOf: first.build.name,
      force: true,
      maxAttempts: 1,
    })
    const ended = await buildOf(first.build.name)
    expect(ended?.state).toBe(BuildState.BUILD_STATE_DONE)
    expect(ended?.message).toContain(`${again?.name ?? ''} makes another one`)
    expect((await bootOf(first.image))?.outcome).toBe(CheckOutcome.CHECK_OUTCOME_SKIPPED)
    const about = [`image:${first.image}`, `build:${again?.name ?? ''}`]
    const events = await portal.sql<{ method: string }[]>`
      select method from event_draft where resources && ${about}
      union select method from event where resources && ${about}`
    expect(events.map(({ method }) => method)).toEqual(
      expect.arrayContaining(['lose-builder', 'queue-build']),
    )
    expect((await imageOf(first.image))?.state).toBe(ImageState.IMAGE_STATE_CANDIDATE)

    const mine = await claim(builder)
    expect(mine.build.name).toBe(again?.name)
    await finish(builder, mine, randomBytes(1000), { checks: [], checksFollow: true })
    await lapse()
    const last = await buildOf(mine.build.name)
    expect(last?.state).toBe(BuildState.BUILD_STATE_DONE)
    expect(last?.message).toContain('1 of 1 times: the image stays a candidate')
    const waiting = await portal.sql`select from build where end_time is null`
    expect(waiting).toHaveLength(0)
  })

  test('is not checked twice for the same', async () => {
    const { claim: mine } = await made()
    const twice = builder.builds.finishBuild({
      claim: mine,
      outcome: { $case: 'made', value: { checks: checks() } },
    })
    await expect(twice).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
  })

  test('is there, or its build cannot end with it; nor can one with an image have nothing to make', async () => {
    await run(producer, 'std')
    await expect(tell(await claim(builder))).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    const { claim: mine, image } = await made()
    const value = { image, inputsDigest: `sha256:${'0'.repeat(64)}` }
    const skipped = builder.builds.finishBuild({
      claim: mine,
      outcome: { $case: 'skipped', value },
    })
    await expect(skipped).rejects.toMatchObject({ reason: 'WRONG_STATE' })
  })
})
