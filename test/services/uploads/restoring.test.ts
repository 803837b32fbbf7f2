import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { encodeManifest } from '../../../lib/content/encoding.ts'
import { ImageStorage } from '../../../proto/gen/merge/image/v1/image.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { BeginUploadRequest, CommitHeader } from '../../../proto/gen/merge/image/v1/upload.ts'
import { commit } from '../../support/builds.ts'
import { noise } from '../../support/chunks.ts'
import { makeFacilities } from '../../support/facilities.ts'
import {
  commitMessages,
  manifestOf,
  publish,
  restate,
  storeMessages,
} from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('an upload that brings back the bytes of an image', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let name = ''
  let data: Buffer
  let made = 0

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    producer = portal.as('producer:alice')
    await makeFacilities(portal.as('admin'), 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(async () => {
    data = noise(`restored ${made++}`, 60_000)
    name = await publish(producer, 'debian-13', data)
  })

  /** As expiry and a collector leave it. */
  async function expire(storage = 'expired') {
    await restate(portal.sql, name, { storage })
    await portal.sql`
      delete from manifest_chunk using image
      where image.name = ${name} and manifest_chunk.manifest = image.manifest`
    await portal.sql`delete from lease`
    await portal.sql`
      delete from chunk where not exists (
        select from manifest_chunk where manifest_chunk.chunk = chunk.id)`
  }

  const begin = async (clients = producer, more: Partial<BeginUploadRequest> = {}) => {
    const request = { requestId: randomUUID() as string, restores: name, ...more }
    return (await clients.uploads.beginUpload(BeginUploadRequest.create(request))).upload?.id ?? ''
  }
  const bring = async (uploadId: string, bytes = data) => {
    await producer.chunks.storeChunks(storeMessages(uploadId, bytes))
    const manifest = encodeManifest(manifestOf(bytes))
    return (await producer.uploads.commitUpload(commitMessages(uploadId, manifest))).image
  }
  const get = async () => (await producer.images.getImage({ name })).image

  test.each(['expired', 'archived'])(
    'makes one that is %s present under its own name',
    async (storage) => {
      const before = await get()
      await expire(storage)
      const image = await bring(await begin())
      expect(image).toMatchObject({ name, digest: before?.digest, state: before?.state })
      expect(image?.storage).toBe(ImageStorage.IMAGE_STORAGE_PRESENT)
      const { changes } = await producer.images.listImageChanges({
        name,
        pageSize: 0,
        pageToken: '',
      })
      expect(changes[0]).toMatchObject({
        actor: 'producer:alice',
        reason: 'its bytes were uploaded',
      })
      const { image: resolved } = await producer.resolver.resolveImage(
        ResolveImageRequest.create({ reference: name }),
      )
      expect(resolved?.name).toBe(name)
      const held = await portal.sql`
      select from manifest_chunk join image using (manifest) where image.name = ${name}`
      expect(held).toHaveLength(image?.chunkCount ?? -1)
    },
  )

  test('has the aliases that follow its line move to it, if it is the newest', async () => {
    const request = {
      requestId: randomUUID(),
      alias: `follows${made}`,
      follow: 'debian-13-std-x86',
    }
    await producer.aliases.setAlias(SetAliasRequest.create(request))
    await expire()
    await publish(producer, 'debian-13', noise(`older ${made}`, 1000), false)
    await bring(await begin())
    const { image } = await producer.resolver.resolveImage(
      ResolveImageRequest.create({ reference: request.alias }),
    )
    expect(image?.name).toBe(name)
  })

  test('takes nothing but the same manifest', async () => {
    await expire()
    const uploadId = await begin()
    await expect(bring(uploadId, noise('other', 60_000))).rejects.toMatchObject({
      reason: 'DIGEST_MISMATCH',
    })
    expect((await get())?.storage).toBe(ImageStorage.IMAGE_STORAGE_EXPIRED)
    expect((await bring(uploadId))?.name).toBe(name)
  })

  test('needs every chunk', async () => {
    await expire()
    const manifest = encodeManifest(manifestOf(data))
    const committing = producer.uploads.commitUpload(commitMessages(await begin(), manifest))
    await expect(committing).rejects.toMatchObject({ reason: 'CHUNKS_MISSING' })
    expect((await get())?.storage).toBe(ImageStorage.IMAGE_STORAGE_EXPIRED)
  })

  test('is not begun for an image that is here, on its way, or nowhere', async () => {
    await expect(begin()).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    await expire('archived')
    await portal.sql`
      insert into move (image, kind, lease, actor, reason)
      values (${name}, 'restore', ${randomUUID()}, 'admin', '')`
    await expect(begin()).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    name = 'debian-13.0-std-x86-20200101'
    await expect(begin()).rejects.toMatchObject({ reason: 'NOT_FOUND' })
  })

  test('is not committed twice: the second finds the image here', async () => {
    await expire()
    const [one, two] = [await begin(), await begin()]
    await bring(one)
    await expect(bring(two)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
  })

  test('leaves what it is to the image', async () => {
    await expire()
    await expect(begin(producer, { target: 'debian-13' })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    })
  })

  test('is for those who may publish it', async () => {
    await expire()
    const others = ['experimenter', 'manager:lab1', 'agent:lab1', 'agent:portal']
    for (const other of others) {
      await expect(begin(portal.as(other))).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
    }
    expect(await begin(portal.as('admin'))).not.toBe('')
  })

  test("does not bring back a facility's own", async () => {
    const agent = portal.as('agent:lab1')
    const custom = { days: 1, shared: false }
    const target = 'lab1/debian-13-tools'
    const request = BeginUploadRequest.create({ requestId: randomUUID(), target, custom })
    const uploadId = (await agent.uploads.beginUpload(request)).upload?.id ?? ''
    const header = CommitHeader.create({ requestId: randomUUID(), uploadId, release: true })
    name = (await commit(agent, header, noise('own', 1000))).name
    await restate(portal.sql, name, { storage: 'expired' })
    const admin = portal.as('admin')
    await expect(begin(admin)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
  })
})

describe('the packages of an image', () => {
  test('are those that its publisher listed, and of one that is not shared nobody’s business', async () => {
    await using portal = await freshPortal()
    const producer = portal.as('producer')
    const packages = [
      { name: 'libc6', version: '2.41-12' },
      { name: 'bash', version: '5.2' },
    ]
    const name = await publish(producer, 'debian-13', noise('p', 1000), true, packages)
    const { versions } = await portal.as('experimenter').images.getPackages({ name })
    expect(versions).toEqual({ libc6: '2.41-12', bash: '5.2' })
    const none = await publish(producer, 'debian-13', noise('q', 1000))
    expect(await producer.images.getPackages({ name: none })).toEqual({ versions: {} })
    const absent = producer.images.getPackages({ name: 'debian-13.0-std-x86-20200101' })
    await expect(absent).rejects.toMatchObject({ reason: 'NOT_FOUND' })
  })
})
