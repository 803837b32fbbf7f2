import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes, randomUUID } from 'node:crypto'
import { encodeManifest } from '../../../lib/content/encoding.ts'
import { commitMessages, manifestOf, publish, storeMessages } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'

describe('publishing', () => {
  const now = new Date('2026-06-15T12:00:00Z')
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal(() => now)
  })

  afterAll(async () => {
    await portal[Symbol.asyncDispose]()
  })

  async function begin(target = 'debian-13', caller = 'producer') {
    const { uploads } = portal.as(caller)
    const { upload } = await uploads.beginUpload({
      requestId: randomUUID(),
      target,
      notes: '',
      labels: {},
      custom: undefined,
    })
    return upload?.id ?? ''
  }

  test('gives the exact name, and serials to later builds of a day', async () => {
    const producer = portal.as('producer')
    const names = []
    for (let i = 0; i < 3; i++) {
      names.push(await publish(producer, 'ubuntu-2404.4-std-x86', randomBytes(50_000)))
    }
    expect(names).toEqual([
      'ubuntu-2404.4-std-x86-20260615',
      'ubuntu-2404.4-std-x86-20260615.1',
      'ubuntu-2404.4-std-x86-20260615.2',
    ])
  })

  test('gives fifty builds at once fifty names', async () => {
    const producer = portal.as('producer')
    const data = randomBytes(1000)
    const names = await Promise.all(
      Array.from({ length: 50 }, () => publish(producer, 'fedora-43', data)),
    )
    expect(new Set(names).size).toBe(50)
  })

  test('refuses a manifest that names absent chunks, and tells how many', async () => {
    const id = await begin()
    const { uploads } = portal.as('producer')
    const manifest = encodeManifest(manifestOf(randomBytes(100_000)))
    await expect(uploads.commitUpload(commitMessages(id, manifest))).rejects.toMatchObject({
      kind: 'precondition',
      reason: 'CHUNKS_MISSING',
      message: expect.stringContaining('store them under the upload'),
    })
    const { upload } = await uploads.getUpload({ uploadId: id })
    expect(upload?.image).toBe('')
  })

  test('refuses bytes that are no manifest', async () => {
    const id = await begin()
    const { uploads } = portal.as('producer')
    await expect(uploads.commitUpload(commitMessages(id, randomBytes(1000)))).rejects.toMatchObject(
      { reason: 'INVALID_MANIFEST' },
    )
  })

  test('refuses a chunk whose bytes do not match, and keeps nothing of it', async () => {
    const id = await begin()
    const { chunks } = portal.as('producer')
    const data = randomBytes(40_000)
    async function* tampered() {
      for await (const message of storeMessages(id, data)) {
        if (message.length > 1000) message[message.length - 1] = (message.at(-1) ?? 0) ^ 1
        yield message
      }
    }
    await expect(chunks.storeChunks(tampered())).rejects.toMatchObject({
      kind: 'corrupt',
      reason: 'CHUNK_CORRUPT',
    })
    const manifest = encodeManifest(manifestOf(data))
    await expect(
      portal.as('producer').uploads.commitUpload(commitMessages(id, manifest)),
    ).rejects.toMatchObject({ reason: 'CHUNKS_MISSING' })
  })

  test('answers a commit that is sent twice with the same image', async () => {
    const id = await begin('kali-2026')
    const { uploads, chunks } = portal.as('producer')
    const data = randomBytes(10_000)
    await chunks.storeChunks(storeMessages(id, data))
    const requestId = randomUUID()
    const commit = () =>
      uploads.commitUpload(commitMessages(id, encodeManifest(manifestOf(data)), requestId))
    const [first, second] = [await commit(), await commit()]
    expect(second).toEqual(first)
  })

  test("does not show somebody else's upload", async () => {
    const id = await begin('debian-13', 'producer:alice')
    const { uploads } = portal.as('producer:bob')
    await expect(uploads.getUpload({ uploadId: id })).rejects.toMatchObject({
      reason: 'UPLOAD_NOT_FOUND',
    })
  })

  test.each(['', 'x', '00000000-0000-4000-8000-000000000000'])('has no upload "%s"', async (id) => {
    const { uploads } = portal.as('producer')
    await expect(uploads.getUpload({ uploadId: id })).rejects.toMatchObject({
      reason: 'UPLOAD_NOT_FOUND',
    })
  })

  test('refuses a name that does not parse', async () => {
    await expect(begin('debian-99')).rejects.toMatchObject({ reason: 'UNKNOWN_RELEASE' })
  })
})
