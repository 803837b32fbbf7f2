import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  BuildFailure,
  BuildState,
  BuildTrigger,
  ReportBuildRequest,
} from '../../../proto/gen/merge/image/v1/build.ts'
import { CheckOutcome, ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { checks } from '../../support/builds.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('a build that ran elsewhere', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer:alice')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const retry = (name: string) =>
    producer.builds.retryBuild({ requestId: randomUUID(), name, reason: 'again' })
  const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

  test('is recorded with the image that it made, which then needs its checks', async () => {
    const image = await publish(producer, 'fedora-43', randomBytes(1000), false)
    const request = ReportBuildRequest.create({
      requestId: randomUUID(),
      target: 'fedora-43',
      image,
      builder: 'pipeline 1234',
      link: 'https://ci.example/1234',
      startTime: new Date('2026-11-27T10:00:00Z'),
      endTime: new Date('2026-11-27T11:00:00Z'),
      checks: checks({ 1: CheckOutcome.CHECK_OUTCOME_SKIPPED }),
      log: Buffer.from('built\n'),
    })
    const { build } = await producer.builds.reportBuild(request)
    expect(build).toMatchObject({
      state: BuildState.BUILD_STATE_DONE,
      trigger: BuildTrigger.BUILD_TRIGGER_OUTSIDE,
      target: 'fedora-43.0-std-x86',
      image,
      builder: 'pipeline 1234',
      startTime: request.startTime,
      endTime: request.endTime,
      logDigest: sha256(`built\n-- made ${image}\n`),
    })
    expect(await producer.builds.reportBuild(request)).toEqual({ build })
    const shown = (await producer.images.getImage({ name: image })).image
    expect(shown).toMatchObject({
      provenance: { build: build?.name, recipe: '', link: 'https://ci.example/1234' },
      checks: request.checks,
    })
    const release = { requestId: randomUUID(), name: image, etag: '', reason: '' }
    await expect(producer.images.releaseImage(release)).rejects.toMatchObject({
      reason: 'CHECKS_NOT_PASSED',
      facts: { checks: 'boot' },
    })
    const anyway = { ...release, requestId: randomUUID(), reason: 'it boots on my desk' }
    const released = await producer.images.releaseImage(anyway)
    expect(released.image?.state).toBe(ImageState.IMAGE_STATE_RELEASED)
    const again = { ...request, requestId: randomUUID() }
    await expect(producer.builds.reportBuild(again)).rejects.toMatchObject({
      reason: 'WRONG_STATE',
    })
  })

  test('is recorded if it failed, too', async () => {
    const request = ReportBuildRequest.create({
      requestId: randomUUID(),
      target: 'fedora-43',
      failure: BuildFailure.BUILD_FAILURE_TIME,
      message: 'it took a day',
      builder: 'pipeline 1235',
      startTime: new Date('2026-11-26T10:00:00Z'),
      endTime: new Date('2026-11-27T10:00:00Z'),
    })
    const { build } = await producer.builds.reportBuild(request)
    expect(build).toMatchObject({ state: BuildState.BUILD_STATE_FAILED, message: 'it took a day' })
    await expect(retry(build?.name ?? '')).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    const wrong: Partial<ReportBuildRequest>[] = [
      { failure: 0 },
      { failure: 77 as BuildFailure },
      { builder: '' },
      { link: 'file:///etc/passwd' },
      { startTime: new Date('2026-11-27T13:00:00Z'), endTime: new Date('2026-11-27T14:00:00Z') },
      { endTime: new Date('2026-11-25T10:00:00Z') },
      { log: Buffer.alloc(2 * 1024 * 1024 + 1) },
      { inputsDigest: 'x' },
      { checks: [...checks(), ...checks()] },
    ]
    for (const more of wrong) {
      const bad = { ...request, requestId: randomUUID(), ...more }
      await expect(producer.builds.reportBuild(bad)).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
      })
    }
  })
})
