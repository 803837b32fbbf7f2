import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { encodeManifest } from '../../../lib/content/encoding.ts'
import { parseDigest } from '../../../lib/content/digest.ts'
import { BuildState } from '../../../proto/gen/merge/image/v1/build.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { BeginUploadRequest, CommitHeader } from '../../../proto/gen/merge/image/v1/upload.ts'
import { expireCustom } from '../../../services/images/custom.ts'
import { checks, claim, commit, putRecipe, run } from '../../support/builds.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { manifestOf, publish, storeMessages } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('a custom image', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients
  let agent: Clients
  let manager: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    admin = portal.as('admin')
    await makeFacilities(admin, 'lab1', 'lab2', 'small')
    agent = portal.as('agent:lab1')
    manager = portal.as('manager:lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const begin = async (
    clients: Clients,
    target: string,
    custom: BeginUploadRequest['custom'] = { days: 0, shared: false },
  ) => {
    const request = BeginUploadRequest.create({ requestId: randomUUID(), target, custom })
    return (await clients.uploads.beginUpload(request)).upload?.id ?? ''
  }
  const register = async (
    data: Buffer,
    more: {
      target?: string
      header?: Partial<CommitHeader>
      custom?: BeginUploadRequest['custom']
    } = {},
  ) => {
    const target = more.target ?? 'lab1/debian-13-tools'
    const uploadId = await begin(agent, target, more.custom)
    const header = { requestId: randomUUID(), uploadId, release: true, storedBytes: 600n }
    return commit(agent, CommitHeader.create({ ...header, ...more.header }), data)
  }
  const get = async (name: string) => (await admin.images.getImage({ name })).image
  const inDays = (days: number) => Date.now() + days * 86_400_000
  const wanted = async (facility: string) => {
    const request = { facility, pageSize: 0, pageToken: '' }
    return (await admin.facilities.listReplicas(request)).replicas.map(({ image }) => image)
  }

  test('has its name and serial from the portal, and none of its chunks there', async () => {
    const data = randomBytes(100_000)
    const image = await register(data)
    expect(image).toMatchObject({
      name: 'lab1/debian-13.0-tools-x86-20261127',
      state: ImageState.IMAGE_STATE_RELEASED,
      creator: 'agent:lab1',
      chunkBytes: 100_000n,
      storedBytes: 600n,
      custom: { facility: 'lab1', shared: false },
    })
    const expiry = image.custom?.expireTime?.getTime() ?? 0
    expect(Math.abs(expiry - inDays(90))).toBeLessThan(60_000)
    expect((await register(randomBytes(100))).name).toBe(`${image.name}.1`)
    expect(await portal.sql`select from chunk`).toHaveLength(0)
    expect(await portal.sql`select from manifest_chunk`).toHaveLength(0)
    expect(await portal.sql`select from lease`).toHaveLength(0)
  })

  test('is among those that its facility should hold, and is found by its reference', async () => {
    const image = await register(randomBytes(100), { target: 'lab1/kali-2026' })
    expect(await wanted('lab1')).toContain(image.name)
    const { resolver } = portal.as('experimenter')
    const request = { reference: 'lab1/kali-2026' }

    const answer = await resolver.resolveImage(ResolveImageRequest.create(request))
    expect(answer.image?.name).toBe(image.name)
  })

  test('is published by its facility’s agent, and by nobody else', async () => {
    const denied = { kind: 'denied', reason: 'NOT_ALLOWED' }
    for (const who of ['admin', 'producer', 'manager:lab1', 'agent:lab2', 'agent:portal']) {
      await expect(begin(portal.as(who), 'lab1/debian-13')).rejects.toMatchObject(denied)
    }
    const bytesHere = {
      requestId: randomUUID(),
      target: 'lab1/debian-13',
      notes: '',
      labels: {},
      custom: undefined,
    }
    await expect(agent.uploads.beginUpload(bytesHere)).rejects.toMatchObject(denied)
  })

  test('lets no chunk be stored under its upload', async () => {
    const id = await begin(agent, 'lab1/debian-13')
    const stored = agent.chunks.storeChunks(storeMessages(id, randomBytes(100)))
    await expect(stored).rejects.toMatchObject({ reason: 'UPLOAD_CLOSED' })
    expect(await portal.sql`select from chunk`).toHaveLength(0)
  })

  test('can be what a build made, and ends it', async () => {
    await putRecipe(agent, 'lab1/built', { line: 'lab1/debian-12-built-x86', release: 'automatic' })
    const name = await run(manager, 'lab1/built')
    const mine = await claim(agent, { facility: 'lab1' })
    const built = { claim: mine.claim, inputsDigest: '', checks: checks(), checksFollow: false }
    const image = await register(randomBytes(100), { target: mine.build.target, header: { built } })
    expect(image).toMatchObject({
      name: mine.build.image,
      state: ImageState.IMAGE_STATE_RELEASED,
      provenance: { build: name, recipe: 'lab1/built' },
    })
    const { build } = await manager.builds.getBuild({ name })
    expect(build?.state).toBe(BuildState.BUILD_STATE_DONE)
  })

  test('that is not shared tells nobody what its checks found: its build does', async () => {
    await putRecipe(agent, 'lab1/secret', { line: 'lab1/debian-12-secret-x86' })
    const name = await run(manager, 'lab1/secret')
    const mine = await claim(agent, { facility: 'lab1' })
    const found = checks().map((check) => ({ ...check, message: '/root/.our-secret' }))
    const built = { claim: mine.claim, inputsDigest: '', checks: found, checksFollow: false }
    const image = await register(randomBytes(100), { target: mine.build.target, header: { built } })
    const { images, builds, resolver } = portal.as('experimenter')
    const request = ResolveImageRequest.create({ reference: image.name })
    const tell = async () => [
      (await images.getImage({ name: image.name })).image,
      (await resolver.resolveImage(request)).image,
    ]
    for (const told of await tell()) {
      expect(told?.checks.map(({ kind, outcome }) => ({ kind, outcome }))).toEqual(
        checks().map(({ kind, outcome }) => ({ kind, outcome })),
      )
      expect(told?.checks.map(({ message }) => message).join('')).toBe('')
    }
    await expect(builds.getBuild({ name })).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
    expect((await manager.builds.getBuild({ name })).build?.checks).toEqual(found)
    const share = { requestId: randomUUID(), name: image.name, shared: true }
    await manager.images.shareImage(share)
    for (const told of await tell()) expect(told?.checks).toEqual(found)
  })

  test('takes from its facility’s quota', async () => {
    const quota = {
      requestId: randomUUID(),
      facility: 'small',
      customQuotaBytes: 1000n,
      customDays: 7,
    }
    await admin.facilities.putQuota(quota)
    const small = portal.as('agent:small')
    const send = async () => {
      const uploadId = await begin(small, 'small/debian-13')
      const header = CommitHeader.create({ requestId: randomUUID(), uploadId, storedBytes: 600n })
      return commit(small, header, randomBytes(100))
    }
    const first = await send()
    expect(Math.abs((first.custom?.expireTime?.getTime() ?? 0) - inDays(7))).toBeLessThan(60_000)
    await expect(send()).rejects.toMatchObject({
      kind: 'exhausted',
      reason: 'QUOTA_EXCEEDED',
      facts: { quota: '1000', used: '600', needed: '600' },
    })
    expect((await admin.facilities.getFacility({ name: 'small' })).facility).toMatchObject({
      customQuotaBytes: 1000n,
      customBytes: 600n,
      customDays: 7,
    })
  })

  test('is another facility’s only if it is shared', async () => {
    const data = randomBytes(1000)
    const { name, digest } = await register(data)
    const read = async (who: string) => {
      const parts = []
      for await (const { part } of portal.as(who).images.getManifest({ digest })) parts.push(part)
      return Buffer.concat(parts)
    }
    const diff = (who: string) => portal.as(who).images.diffImages({ from: name, to: name })
    const whole = Buffer.from(encodeManifest(manifestOf(data)))
    const notShared = { kind: 'denied', reason: 'NOT_SHARED' }
    await expect(push(admin, 'lab2', name)).rejects.toMatchObject(notShared)
    await expect(read('agent:lab2')).rejects.toMatchObject({ reason: 'NOT_FOUND' })
    for (const who of ['agent:lab1', 'manager:lab1', 'admin']) {
      expect(await read(who)).toEqual(whole)
      expect((await diff(who)).to?.name).toBe(name)
    }
    for (const who of ['agent:lab2', 'manager:lab2', 'producer', 'experimenter']) {
      await expect(diff(who)).rejects.toMatchObject({ kind: 'missing', reason: 'NOT_FOUND' })
    }
    const share = { requestId: randomUUID(), name, shared: true }
    expect((await manager.images.shareImage(share)).image?.custom?.shared).toBe(true)
    await push(admin, 'lab2', name)
    expect(await read('agent:lab2')).toEqual(whole)
    expect((await diff('experimenter')).to?.name).toBe(name)
  })

  test('expires in its time, and is renewed before', async () => {
    const image = await register(randomBytes(1000), { custom: { days: 3, shared: false } })
    const { name } = image
    const renew = (days: number) =>
      manager.images.renewImage({ requestId: randomUUID(), name, days })
    const { image: renewed } = await renew(30)
    expect(Math.abs((renewed?.custom?.expireTime?.getTime() ?? 0) - inDays(30))).toBeLessThan(
      60_000,
    )
    expect((await renew(1)).image?.custom?.expireTime).toEqual(renewed?.custom?.expireTime)
    await expect(renew(367)).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
    await portal.sql`update image set expire_time = now() - interval '1 second' where name = ${name}`
    while ((await wanted('lab1')).includes(name)) await expireCustom(portal.sql, new Date())
    await expect(renew(1)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    const [row] = await portal.sql`select storage from image where name = ${name}`
    expect(row?.['storage']).toBe('expired')
  })

  test('does not expire while an alias or another facility needs it', async () => {
    const aliased = await register(randomBytes(1000))
    const alias = { requestId: randomUUID(), alias: 'lab1/course', image: aliased.name }
    await manager.aliases.setAlias(SetAliasRequest.create(alias))
    const pushed = await register(randomBytes(1000), { custom: { days: 1, shared: true } })
    await push(admin, 'lab2', pushed.name)
    const names = [aliased.name, pushed.name]
    await portal.sql`update image set expire_time = now() - interval '1 day' where name = any (${names})`
    await expireCustom(portal.sql, new Date())
    expect(await wanted('lab1')).toEqual(expect.arrayContaining(names))
  })

  test('has no time to be renewed if its bytes are the portal’s', async () => {
    const name = await publish(admin, 'debian-13', randomBytes(100))
    const renew = { requestId: randomUUID(), name, days: 1 }
    await expect(admin.images.renewImage(renew)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    expect((await get(name))?.custom).toBeUndefined()
  })

  test('whose bytes come to the portal as well is held against its chunks then', async () => {
    const data = randomBytes(50_000)
    const custom = await register(data)
    const name = await publish(admin, 'fedora-43', data)
    const both = await get(name)
    expect(both).toMatchObject({ digest: custom.digest, chunkBytes: 50_000n })
    expect(both?.storedBytes).toBeGreaterThan(49_000n)
    const rows = await portal.sql`
      select from manifest_chunk join manifest on manifest.id = manifest
      where digest = decode(${parseDigest(custom.digest)}, 'hex')`
    expect(rows.length).toBe(both?.chunkCount)
  })
})
