import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { BuildState, BuildTrigger } from '../../../proto/gen/merge/image/v1/build.ts'
import { ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { checks, claim, fail, finish, log, putRecipe, run } from '../../support/builds.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('builds', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer:alice')
    builder = portal.as('agent:portal')
    await putRecipe(producer, 'std')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const get = async (name: string) => (await producer.builds.getBuild({ name })).build
  const cancel = async (name: string) =>
    (await producer.builds.cancelBuild({ requestId: randomUUID(), name })).build
  const retry = (name: string) =>
    producer.builds.retryBuild({ requestId: randomUUID(), name, reason: 'again' })
  const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

  test('are queued, listed and cancelled', async () => {
    const [first, second] = [
      await run(producer, 'std'),
      await run(producer, 'std', { force: true }),
    ]
    expect(await get(second)).toMatchObject({
      recipe: 'std',
      recipeVersion: 1,
      target: 'debian-13.0-std-x86',
      state: BuildState.BUILD_STATE_QUEUED,
      trigger: BuildTrigger.BUILD_TRIGGER_PERSON,
      requester: 'producer:alice',
      force: true,
      attempt: 0,
      image: '',
    })
    const filter = {
      namespace: '',
      source: '',
      recipe: 'std',
      state: BuildState.BUILD_STATE_QUEUED,
    }
    const page = await producer.builds.listBuilds({ ...filter, pageSize: 1, pageToken: '' })
    expect(page.builds.map(({ name }) => name)).toEqual([second])
    const rest = { ...filter, pageSize: 1, pageToken: page.nextPageToken }
    const more = await producer.builds.listBuilds(rest)
    expect(more).toMatchObject({ builds: [{ name: first }], nextPageToken: '' })
    for (const name of [first, second]) {
      expect(await cancel(name)).toMatchObject({
        state: BuildState.BUILD_STATE_CANCELLED,
        canceller: 'producer:alice',
        message: 'producer:alice cancelled it.',
      })
    }
    expect((await cancel(first))?.state).toBe(BuildState.BUILD_STATE_CANCELLED)
  })

  test('that are asked for twice by one request are one', async () => {
    const request = {
      requestId: randomUUID(),
      recipe: 'std',
      version: 0,
      force: false,
      reason: 'x',
    }
    const [one, two] = [
      await producer.builds.runBuild(request),
      await producer.builds.runBuild(request),
    ]
    expect(two).toEqual(one)
    await cancel(one.build?.name ?? '')
  })

  test.each([
    ['of a recipe that is not there', 'none', 0],
    ['of a version that is not there', 'std', 7],
  ])('%s are refused', async (_, recipe, version) => {
    const request = { requestId: randomUUID(), recipe, version, force: false, reason: '' }
    await expect(producer.builds.runBuild(request)).rejects.toMatchObject({
      kind: 'missing',
      reason: 'RECIPE_NOT_FOUND',
    })
  })

  test('wait by the hundred and not more, and in nobody else’s way', async () => {
    await putRecipe(producer, 'many', { builder: 'command', suites: undefined, command: 'x' })
    const names = []
    for (let i = 0; i < 100; i++) names.push(await run(producer, 'many'))
    await expect(run(producer, 'many')).rejects.toMatchObject({
      kind: 'exhausted',
      reason: 'QUEUE_FULL',
      facts: { limit: '100' },
    })
    const lab1 = portal.as('agent:lab1')
    await makeFacilities(portal.as('admin'), 'lab1')
    await putRecipe(lab1, 'lab1/other', { line: 'lab1/debian-13-other-x86' })
    names.push(await run(lab1, 'lab1/other'))
    for (const name of names)
      await portal.as('admin').builds.cancelBuild({ requestId: randomUUID(), name })
  })

  test('that failed or were cancelled are tried again, as new ones', async () => {
    const name = await run(producer, 'std')
    await expect(retry(name)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    await cancel(name)
    const { build } = await retry(name)
    expect(build).toMatchObject({
      retryOf: name,
      trigger: BuildTrigger.BUILD_TRIGGER_RETRY,
      reason: 'again',
      state: BuildState.BUILD_STATE_QUEUED,
    })
    await cancel(build?.name ?? '')
  })

  test('that have ended are not cancelled', async () => {
    const name = await run(producer, 'std')
    await fail(builder, (await claim(builder)).claim)
    await expect(cancel(name)).rejects.toMatchObject({ reason: 'BUILD_ENDED' })
  })

  test.each(['', 'x', '01KV2ZJX5T8Q4N6R0W3Y7B9C1D'])('"%s" is none', async (name) => {
    const missing = { kind: 'missing', reason: 'BUILD_NOT_FOUND' }
    await expect(get(name)).rejects.toMatchObject(missing)
    await expect(cancel(name)).rejects.toMatchObject(missing)
    const watch = producer.builds.watchBuild({ name, logOffset: 0n })[Symbol.asyncIterator]()
    await expect(watch.next()).rejects.toMatchObject(missing)
    const log = producer.builds.readBuildLog({ name, offset: 0n })[Symbol.asyncIterator]()
    await expect(log.next()).rejects.toMatchObject(missing)
  })

  test('leave an image that says how it came to be', async () => {
    await run(producer, 'std')
    const mine = await claim(builder)
    await log(builder, mine, 'hello\n')
    const inputsDigest = sha256('inputs')
    const image = await finish(builder, mine, randomBytes(1000), { inputsDigest })
    const build = await get(mine.build.name)
    expect(image).toMatchObject({
      name: mine.build.image,
      state: ImageState.IMAGE_STATE_CANDIDATE,
      creator: 'agent:portal',
      provenance: {
        build: mine.build.name,
        recipe: 'std',
        recipeVersion: 1,
        builder: 'agent:portal',
        inputsDigest,
        startTime: build?.startTime,
        endTime: build?.endTime,
        logDigest: sha256(`hello\n-- made ${mine.build.image}\n`),
      },
      checks: checks(),
    })
    await run(producer, 'std')
    const next = await claim(builder)
    expect(next.former).toEqual({ image: image.name, inputsDigest, digest: '' })
    const value = { image: image.name, inputsDigest }
    const answer = await builder.builds.finishBuild({
      claim: next.claim,
      outcome: { $case: 'skipped', value },
    })
    expect(answer.build).toMatchObject({
      state: BuildState.BUILD_STATE_SKIPPED,
      unchangedImage: image.name,
      message: `The inputs are those of ${image.name}: there is nothing to make.`,
    })
  })
})
