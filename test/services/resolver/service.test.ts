import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ResolveImageRequest, ResolveRule } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('resolution', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  const data = randomBytes(1000)

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    producer = portal.as('producer')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const resolve = (reference: string, more = {}) =>
    producer.resolver.resolveImage(ResolveImageRequest.create({ reference, ...more }))

  const point = (alias: string, image: string) =>
    producer.aliases.setAlias(SetAliasRequest.create({ requestId: randomUUID(), alias, image }))

  test('answers with the image, how the reference was read and what was filled in', async () => {
    const name = await publish(producer, 'ubuntu-2404.4', data)
    expect(await resolve('ubuntu-noble')).toMatchObject({
      image: { name },
      rule: ResolveRule.RESOLVE_RULE_PARTIAL,
      defaults: expect.arrayContaining([expect.objectContaining({ field: 'arch', value: 'x86' })]),
    })
    expect(await resolve(name)).toMatchObject({
      image: { name },
      rule: ResolveRule.RESOLVE_RULE_EXACT,
      defaults: [],
    })
    await point('lts', name)
    expect(await resolve('lts')).toMatchObject({ rule: ResolveRule.RESOLVE_RULE_ALIAS })
  })

  test('uses the architecture of the node', async () => {
    await publish(producer, 'rocky-9', data)
    const arm = await publish(producer, 'rocky-9-aarch64', data)
    expect(await resolve('rocky-9', { arch: 'ARM64' })).toMatchObject({ image: { name: arm } })
    await expect(resolve('rocky-9', { arch: 'pdp11' })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'arch' },
    })
  })

  test('says on request why the others were not it', async () => {
    const older = await publish(producer, 'alma-9', data)
    const name = await publish(producer, 'alma-9', data)
    const { image, rejected } = await resolve('alma-9', { explain: true })
    expect(image?.name).toBe(name)
    expect(rejected).toContainEqual(expect.objectContaining({ name: older, rule: 'OLDER' }))
    expect((await resolve('alma-9')).rejected).toEqual([])
  })

  test.each([
    ['', 'EMPTY'],
    ['ubunto', 'UNKNOWN_DISTRO'],
    ['debian-99', 'UNKNOWN_RELEASE'],
    ['kali', 'NO_MATCH'],
    ['debian-13.0-std-x86-20200101', 'NOT_FOUND'],
  ])('refuses "%s" as %s', async (reference, reason) => {
    await expect(resolve(reference)).rejects.toMatchObject({ reason })
  })

  test('does not find a candidate before it is released', async () => {
    const name = await publish(producer, 'fedora-42', data, false)
    await expect(resolve('fedora-42')).rejects.toMatchObject({ reason: 'NO_MATCH' })
    await producer.images.releaseImage({ requestId: randomUUID(), name, etag: '', reason: '' })
    expect(await resolve('fedora-42')).toMatchObject({ image: { name } })
  })

  test('is never older than a write that was acknowledged, whoever else reads meanwhile', async () => {
    const images = await Promise.all([1, 2].map(() => publish(producer, 'debian-13', data)))
    let over = false as boolean
    const others = Array.from({ length: 4 }, async () => {
      const reader = portal.as('experimenter')
      while (!over) {
        const request = ResolveImageRequest.create({ reference: 'debian-13' })
        await reader.resolver.resolveImage(request)
      }
    })
    let before = 0n
    for (let round = 0; round < 25; round++) {
      const image = images[round % 2] ?? ''
      await point('newest', image)
      const answer = await resolve('newest')
      expect(answer.image?.name).toBe(image)
      expect(answer.generation).toBeGreaterThan(before)
      before = answer.generation
    }
    for (let round = 0; round < 5; round++) {
      const name = await publish(producer, 'debian-13', data)
      expect((await resolve('debian-13')).image?.name).toBe(name)
    }
    over = true
    await Promise.all(others)
  })
})
