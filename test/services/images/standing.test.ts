import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import {
  DeprecateImageRequest,
  HoldBackImageRequest,
  ImageState,
  RestoreImageRequest,
  RestoreKind,
  RevokeImageRequest,
} from '../../../proto/gen/merge/image/v1/image.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { deprecateDue } from '../../../services/images/deprecating.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

/** A line for each test. */
const lines = [
  'debian-12',
  'debian-13',
  'fedora-43',
  'fedora-44',
  'rocky-9',
  'rocky-10',
  'alma-9',
].flatMap((release) => ['x86', 'aarch64', 'riscv64'].map((arch) => `${release}-std-${arch}`))

describe('whether an image is to be used', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let [older, newer] = ['', '']
  let line = ''

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer:alice')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(async () => {
    line = lines.pop() ?? ''
    older = await publish(producer, line, randomBytes(1000))
    newer = await publish(producer, line, randomBytes(1000))
  })

  const resolve = (reference: string) =>
    producer.resolver.resolveImage(ResolveImageRequest.create({ reference }))
  const get = async (name: string) => (await producer.images.getImage({ name })).image
  const requestId = () => randomUUID() as string
  const deprecate = (name: string, more: Partial<DeprecateImageRequest> = {}) =>
    producer.images.deprecateImage(
      DeprecateImageRequest.create({ requestId: requestId(), name, ...more }),
    )
  const revoke = (name: string, more: Partial<RevokeImageRequest> = {}) =>
    producer.images.revokeImage(
      RevokeImageRequest.create({ requestId: requestId(), name, reason: 'CVE-2026-1', ...more }),
    )
  const holdBack = (name: string) =>
    producer.images.holdBackImage(
      HoldBackImageRequest.create({ requestId: requestId(), name, reason: 'it hangs' }),
    )
  const restore = (clients: Clients, name: string, reason = '') =>
    clients.images.restoreImage(
      RestoreImageRequest.create({
        ...{ requestId: requestId(), name, reason },
        kind: RestoreKind.RESTORE_KIND_STANDING,
      }),
    )

  test('a deprecated image resolves by its exact name, with a warning that names its replacement', async () => {
    const { image } = await deprecate(older, { replacement: newer, reason: 'old kernel' })
    expect(image).toMatchObject({
      state: ImageState.IMAGE_STATE_DEPRECATED,
      replacement: newer,
      reason: 'old kernel',
    })
    const { warnings } = await resolve(older)
    expect(warnings).toMatchObject([{ code: 'DEPRECATED' }])
    expect(warnings[0]?.message).toContain(newer)
  })

  test('a deprecated image is not the newest any more, and aliases that follow go to the one before', async () => {
    const request = { requestId: requestId(), alias: 'follower', follow: line }
    await producer.aliases.setAlias(SetAliasRequest.create(request))
    expect((await resolve('follower')).image?.name).toBe(newer)
    await deprecate(newer)
    expect((await resolve('follower')).image?.name).toBe(older)
  })

  test('a deprecation may be planned, comes by itself then, and can be taken back before', async () => {
    const soon = new Date(Date.now() + 3_600_000)
    const { image } = await deprecate(older, { deprecateTime: soon })
    expect(image).toMatchObject({ state: ImageState.IMAGE_STATE_RELEASED, deprecateTime: soon })
    await deprecate(newer, { deprecateTime: soon })
    await restore(producer, newer)
    await portal.sql`update image set deprecate_time = now() where name = ${older}`
    await deprecateDue(portal.sql)
    expect(await get(older)).toMatchObject({
      state: ImageState.IMAGE_STATE_DEPRECATED,
      deprecateTime: undefined,
    })
    expect(await get(newer)).toMatchObject({
      state: ImageState.IMAGE_STATE_RELEASED,
      deprecateTime: undefined,
    })
  })

  test('what is deprecated and is to be only later is the newest again until then', async () => {
    const request = { requestId: requestId(), alias: 'waiter', follow: line }
    await producer.aliases.setAlias(SetAliasRequest.create(request))
    await deprecate(newer)
    expect((await resolve('waiter')).image?.name).toBe(older)
    await deprecate(newer, { deprecateTime: new Date(Date.now() + 3_600_000) })
    expect((await resolve(line)).image?.name).toBe(newer)
    expect((await resolve('waiter')).image?.name).toBe(newer)
  })

  test('a revoked image resolves for nobody, and the error names what to use instead', async () => {
    await revoke(older, { replacement: newer })
    await expect(resolve(older)).rejects.toMatchObject({
      reason: 'REVOKED',
      facts: { replacement: newer },
    })
  })

  test('revoking tells what was made of the image, and those images tell it themselves', async () => {
    const child = await publish(producer, 'kali-2026', randomBytes(1000))
    await portal.sql`update image set parent = ${older} where name = ${child}`
    await resolve(child)
    const { descendants } = await revoke(older)
    expect(descendants).toEqual([child])
    const answer = await resolve(child)
    expect(answer.image?.withdrawnAncestor).toMatchObject({ image: older })
  })

  test('an image that is held back is passed by, and works by its exact name', async () => {
    await holdBack(newer)
    expect((await resolve(line)).image?.name).toBe(older)
    expect((await resolve(newer)).warnings).toEqual([])
    await restore(producer, newer)
    expect((await resolve(line)).image?.name).toBe(newer)
  })

  test('only a portal admin takes a revocation back, and says why', async () => {
    await revoke(newer)
    await expect(restore(producer, newer, 'sorry')).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
    const admin = portal.as('admin:root')
    await expect(restore(admin, newer)).rejects.toMatchObject({ facts: { field: 'reason' } })
    const { image } = await restore(admin, newer, 'it was another image')
    expect(image).toMatchObject({ state: ImageState.IMAGE_STATE_RELEASED, replacement: '' })
  })

  test('every change is told, the newest first, with who did it and why', async () => {
    await holdBack(newer)
    await revoke(newer)
    const page = { pageSize: 2, pageToken: '' }
    const first = await producer.images.listImageChanges({ name: newer, ...page })
    expect(first.changes).toMatchObject([
      { state: ImageState.IMAGE_STATE_REVOKED, heldBack: false, reason: 'CVE-2026-1' },
      { heldBack: true, reason: 'it hangs', actor: 'producer:alice' },
    ])
    const rest = { name: newer, pageSize: 2, pageToken: first.nextPageToken }
    const second = await producer.images.listImageChanges(rest)
    expect(second).toMatchObject({ changes: [{ reason: 'published' }], nextPageToken: '' })
  })

  test.each([
    ['revoke without a reason', () => revoke(older, { reason: ' ' }), 'INVALID_FIELD'],
    ['replace by itself', () => deprecate(older, { replacement: older }), 'INVALID_FIELD'],
    [
      'replace by what is not there',
      () => deprecate(older, { replacement: 'debian-13.0-std-x86-20000101' }),
      'NOT_FOUND',
    ],
    ['an etag of before', () => deprecate(older, { etag: '99' }), 'ETAG_MISMATCH'],
    [
      'plan it for the next century',
      () => deprecate(older, { deprecateTime: new Date('2126-01-01') }),
      'INVALID_FIELD',
    ],
    ['restore what is released', () => restore(producer, older), 'WRONG_STATE'],
    ['an image that is not there', () => revoke('debian-13.0-std-x86-20000101'), 'NOT_FOUND'],
  ])('refused: %s', async (_what, act, reason) => {
    await expect(act()).rejects.toMatchObject({ reason })
    expect(await get(older)).toMatchObject({ state: ImageState.IMAGE_STATE_RELEASED })
  })

  test('what is revoked replaces nothing, and is not deprecated or held back', async () => {
    await revoke(newer)
    const refused = { reason: 'INVALID_FIELD', facts: { field: 'replacement' } }
    await expect(deprecate(older, { replacement: newer })).rejects.toMatchObject(refused)
    await expect(deprecate(newer)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    await expect(holdBack(newer)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
  })
})
