import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sha256 } from '../../../lib/content/digest.ts'
import { encodeManifest } from '../../../lib/content/encoding.ts'
import { ImageFilter, ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { collect } from '../../support/chunks.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { manifestOf, publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('images', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  const data = randomBytes(300_000)
  const published: string[] = []

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    producer = portal.as('producer:alice')
    await makeFacilities(portal.as('admin'), 'lab1')
    published.push(await publish(producer, 'ubuntu-2404.4', data))
    for (const target of ['debian-13', 'debian-12', 'debian-13-hypervisor', 'debian-13-aarch64']) {
      published.push(await publish(producer, target, randomBytes(1000)))
    }
    published.push(await publish(portal.as('manager:lab1'), 'lab1/debian-13', randomBytes(1000)))
    published.push(await publish(producer, 'kali-2026', randomBytes(1000), false))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function list(filter: Partial<ImageFilter>, pageSize = 100, pageToken = '') {
    const request = { pageSize, pageToken, filter: ImageFilter.create(filter) }
    const { images, nextPageToken } = await producer.images.listImages(request)
    return { names: images.map(({ name }) => name), nextPageToken }
  }

  async function get(name: string) {
    const { image } = await producer.images.getImage({ name })
    if (image === undefined) throw new Error('an answer without an image')
    return image
  }

  test('one is shown with its digest, its files and what it takes', async () => {
    const [name = ''] = published
    expect(await get(name)).toMatchObject({
      name: 'ubuntu-2404.4-std-x86-20260615',
      digest: `sha256:${sha256(encodeManifest(manifestOf(data)))}`,
      state: ImageState.IMAGE_STATE_RELEASED,
      displayName: 'Ubuntu 24.04.4 LTS (Noble Numbat)',
      creator: 'producer:alice',
      chunkBytes: 300_000n,
      artifacts: [{ sizeBytes: 300_000n, dataBytes: 300_000n, sha256: `sha256:${sha256(data)}` }],
    })
  })

  test('one that is not there, and a name that is none, are told apart', async () => {
    const absent = 'ubuntu-2404.4-std-x86-20200101'
    await expect(producer.images.getImage({ name: absent })).rejects.toMatchObject({
      kind: 'missing',
      reason: 'NOT_FOUND',
      facts: { name: absent },
    })
    await expect(producer.images.getImage({ name: 'debian' })).rejects.toMatchObject({
      reason: 'INVALID_NAME',
    })
  })

  test('the manifest comes in parts that have the digest', async () => {
    const { digest } = await get(published[0] ?? '')
    const parts = await collect(producer.images.getManifest({ digest }))
    const bytes = Buffer.concat(parts.map(({ part }) => part))
    expect(`sha256:${sha256(bytes)}`).toBe(digest)
  })

  test.each([
    ['sha256:00', 'INVALID_FIELD'],
    [`sha256:${'0'.repeat(64)}`, 'NOT_FOUND'],
  ])('no manifest has the digest %s', async (digest, reason) => {
    const parts = collect(producer.images.getManifest({ digest }))
    await expect(parts).rejects.toMatchObject({ reason })
  })

  test('all are listed, newest first', async () => {
    expect((await list({})).names).toEqual(published.toReversed())
  })

  test.each([
    [{ namespace: 'lab1' }, [5]],
    [{ namespace: 'portal', distro: 'debian' }, [4, 3, 2, 1]],
    [{ distro: 'debian', release: '12' }, [2]],
    [{ role: 'hypervisor' }, [3]],
    [{ arch: 'aarch64' }, [4]],
    [{ state: ImageState.IMAGE_STATE_CANDIDATE }, [6]],
    [{ distro: 'rocky' }, []],
  ])('those of %j are listed alone', async (filter, which) => {
    expect((await list(filter)).names).toEqual(which.map((i) => published[i]))
  })

  test('pages join to the whole, though images come in between', async () => {
    const whole = (await list({ distro: 'debian' })).names
    const first = await list({ distro: 'debian' }, 2)
    await publish(producer, 'debian-11', randomBytes(1000))
    const second = await list({ distro: 'debian' }, 2, first.nextPageToken)
    const third = await list({ distro: 'debian' }, 2, second.nextPageToken)
    expect([first.names, second.names, third.names].flat()).toEqual(whole)
    expect(third.nextPageToken).toBe('')
  })

  test('a page token belongs to its filter', async () => {
    const { nextPageToken } = await list({ distro: 'debian' }, 1)
    const told = { reason: 'INVALID_FIELD', facts: { field: 'page_token' } }
    await expect(list({}, 1, nextPageToken)).rejects.toMatchObject(told)
    await expect(list({ distro: 'ubuntu' }, 1, nextPageToken)).rejects.toMatchObject(told)
    await expect(list({ distro: 'debian' }, 1, 'made up')).rejects.toMatchObject(told)
  })

  test('a page has 1000 at most', async () => {
    await expect(list({}, 1001)).rejects.toMatchObject({ facts: { field: 'page_size' } })
  })

  describe('a candidate', () => {
    const candidate = () => publish(producer, 'fedora-43', randomBytes(1000), false)
    const release = (name: string, etag = '', requestId = randomUUID() as string) =>
      producer.images.releaseImage({ requestId, name, etag, reason: '' })

    test('is released, and stays so', async () => {
      const name = await candidate()
      const before = await get(name)
      const { image } = await release(name, before.etag)
      expect(image).toMatchObject({ name, state: ImageState.IMAGE_STATE_RELEASED })
      expect(image?.etag).not.toBe(before.etag)
      expect(await release(name)).toEqual({ image })
    })

    test('is not released with an etag that it no longer has', async () => {
      const name = await candidate()
      await expect(release(name, '17')).rejects.toMatchObject({
        kind: 'conflict',
        reason: 'ETAG_MISMATCH',
      })
      expect(await get(name)).toMatchObject({ state: ImageState.IMAGE_STATE_CANDIDATE })
    })

    test('is released once by a request that is sent twice, and the id serves no other', async () => {
      const [name, other] = [await candidate(), await candidate()]
      const requestId = randomUUID()
      const { etag } = await get(name)
      const answers = await Promise.all([1, 2, 3].map(() => release(name, etag, requestId)))
      expect(new Set(answers.map(({ image }) => image?.etag)).size).toBe(1)
      await expect(release(other, '', requestId)).rejects.toMatchObject({
        kind: 'exists',
        reason: 'REQUEST_ID_REUSED',
      })
      expect(await get(other)).toMatchObject({ state: ImageState.IMAGE_STATE_CANDIDATE })
    })
  })

  test('what is revoked is not released', async () => {
    const name = await publish(producer, 'rocky-9', randomBytes(1000), false)
    await portal.sql`update image set state = 'revoked' where name = ${name}`
    const request = { requestId: randomUUID(), name, etag: '', reason: '' }
    await expect(producer.images.releaseImage(request)).rejects.toMatchObject({
      kind: 'precondition',
      reason: 'WRONG_STATE',
      facts: { state: 'revoked' },
    })
  })
})
