import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { BuildState } from '../../../proto/gen/merge/image/v1/build.ts'
import { CheckOutcome, ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { checks, claim, fail, finish, putRecipe, run } from '../../support/builds.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('the image of a build', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer')
    builder = portal.as('agent:portal')
    await putRecipe(producer, 'std')
    await putRecipe(producer, 'auto', { line: 'debian-12-std-x86', release: 'automatic' })
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const get = async (name: string) => (await producer.builds.getBuild({ name })).build
  const lost = { reason: 'BUILD_LOST' }

  test('has the name that the build was given, and ends the build', async () => {
    const name = await run(producer, 'std')
    const mine = await claim(builder)
    // Whoever publishes meanwhile gets another one.
    expect(await publish(producer, 'debian-13', randomBytes(100))).toBe(`${mine.build.image}.1`)
    const image = await finish(builder, mine, randomBytes(1000))
    expect(image.name).toBe('debian-13.0-std-x86-20261127')
    expect(await get(name)).toMatchObject({ state: BuildState.BUILD_STATE_DONE, image: image.name })
  })

  test('is all that the builder may publish', async () => {
    const published = publish(builder, 'debian-13', randomBytes(100))
    await expect(published).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
  })

  test('is made once, also if the commit is sent again or another one is tried', async () => {
    await run(producer, 'std')
    const mine = await claim(builder)
    const data = randomBytes(1000)
    await finish(builder, mine, data)
    await expect(finish(builder, mine, data)).rejects.toMatchObject(lost)
    const images = await portal.sql`select from image where build = ${mine.build.name}`
    expect(images).toHaveLength(1)
    const end = await fail(builder, mine.claim)
    expect(end.build?.state).toBe(BuildState.BUILD_STATE_DONE)
  })

  test('is not made once the build was cancelled or is another builder’s', async () => {
    const cancelled = await run(producer, 'std')
    const mine = await claim(builder)
    await producer.builds.cancelBuild({ requestId: randomUUID(), name: cancelled })
    await expect(finish(builder, mine, randomBytes(1000))).rejects.toMatchObject(lost)
    await fail(builder, mine.claim)
    expect((await get(cancelled))?.state).toBe(BuildState.BUILD_STATE_CANCELLED)

    await run(producer, 'std')
    const first = await claim(builder)
    const second = await claim(builder, { worker: 'w1' })
    expect(second.build.name).toBe(first.build.name)
    await expect(finish(builder, first, randomBytes(1000))).rejects.toMatchObject(lost)
    expect((await finish(builder, second, randomBytes(1000))).name).toBe(first.build.image)
  })

  test('is of what the build makes', async () => {
    await run(producer, 'std')
    const mine = await claim(builder)
    const other = finish(builder, mine, randomBytes(1000), { target: 'debian-12' })
    await expect(other).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
    await fail(builder, mine.claim)
  })

  test('is released at once if the recipe says so and every check passed, and aliases follow', async () => {
    const alias = SetAliasRequest.create({
      requestId: randomUUID(),
      alias: 'oldstable',
      follow: 'debian-12',
    })
    await publish(producer, 'debian-12', randomBytes(100))
    await producer.aliases.setAlias(alias)
    await run(producer, 'auto')
    const image = await finish(builder, await claim(builder), randomBytes(1000))
    expect(image.state).toBe(ImageState.IMAGE_STATE_RELEASED)
    const moved = await producer.aliases.getAlias({ alias: 'oldstable' })
    expect(moved.alias?.image).toBe(image.name)
  })

  test.each([
    ['failed', CheckOutcome.CHECK_OUTCOME_FAILED],
    ['was skipped', CheckOutcome.CHECK_OUTCOME_SKIPPED],
  ])('waits for a person if a check %s, who says why', async (_, outcome) => {
    await run(producer, 'auto')
    const image = await finish(builder, await claim(builder), randomBytes(1000), {
      checks: checks({ 4: outcome }),
    })
    expect(image.state).toBe(ImageState.IMAGE_STATE_CANDIDATE)
    const release = { name: image.name, etag: '' }
    const ask = (reason: string) =>
      producer.images.releaseImage({ ...release, requestId: randomUUID(), reason })
    await expect(ask('')).rejects.toMatchObject({
      kind: 'precondition',
      reason: 'CHECKS_NOT_PASSED',
      facts: { checks: 'hygiene' },
    })
    expect((await ask('the key is a test key')).image?.state).toBe(ImageState.IMAGE_STATE_RELEASED)
    const [change] = await portal.sql`
      select reason from image_change where image = ${image.name} order by version desc limit 1`
    expect(change?.['reason']).toBe('the key is a test key')
  })

  test('is released by a person without a reason once its checks passed', async () => {
    await run(producer, 'std')
    const { name } = await finish(builder, await claim(builder), randomBytes(1000))
    const request = { requestId: randomUUID(), name, etag: '', reason: '' }
    const { image } = await producer.images.releaseImage(request)
    expect(image?.state).toBe(ImageState.IMAGE_STATE_RELEASED)
  })
})
