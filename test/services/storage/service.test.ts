import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { joinDigests } from '../../../lib/content/digest.ts'
import { chunksOf, digestsOf } from '../../support/chunks.ts'
import { commitOf, expire, fetchRight, storeUnder } from '../../support/overlapping.ts'
import { freshPortal } from '../../support/portal.ts'

describe('collecting at the portal', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    const settings = ['--collect-every', '0', '--collect-grace', '0', '--undelete', '7d']
    portal = await freshPortal(undefined, undefined, settings)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const collect = () => portal.as('admin').storage.collect({ validateOnly: false })
  const missing = async (chunks: ReturnType<typeof chunksOf>) => {
    const asked = { digests: joinDigests(digestsOf(chunks)), uploadId: '' }
    return (await portal.as('agent:lab1').chunks.findMissing(asked)).digests.length / 32
  }
  const aWeekPasses = () =>
    portal.sql`update chunk set condemn_time = condemn_time - interval '8 days'`

  test('what an upload asked for or stored stays until it ends, and a week longer', async () => {
    const producer = portal.as('producer')
    const chunks = chunksOf('given up', 10)
    const uploadId = await storeUnder(producer, 'debian-13', chunks)
    expect(await collect()).toMatchObject({ condemnedChunks: 0n })
    await producer.uploads.abortUpload({ requestId: '', uploadId })
    expect(await collect()).toMatchObject({ condemnedChunks: 10n, deletedChunks: 0n })
    expect(await fetchRight(producer, digestsOf(chunks))).toBe(10)
    await aWeekPasses()
    expect(await collect()).toMatchObject({ deletedChunks: 10n, deletedPacks: 1n })
    expect(await missing(chunks)).toBe(10)
  })

  test('a condemned chunk that is published again comes back, and is not stored twice', async () => {
    const producer = portal.as('producer')
    const chunks = chunksOf('again', 10)
    const uploadId = await storeUnder(producer, 'debian-13', chunks)
    await producer.uploads.abortUpload({ requestId: '', uploadId })
    await collect()
    const asked = { digests: joinDigests(digestsOf(chunks)) }
    const second = await storeUnder(producer, 'debian-13', chunks)
    expect(await producer.chunks.findMissing({ ...asked, uploadId: second })).toMatchObject({
      digests: Buffer.alloc(0),
    })
    await aWeekPasses()
    expect(await collect()).toMatchObject({ revivedChunks: 10n, deletedChunks: 0n })
    await commitOf(producer, second, chunks)
    await collect()
    expect(await fetchRight(producer, digestsOf(chunks))).toBe(10)
  })

  test('a commit needs no word of its chunks before: condemned ones come back with it', async () => {
    const producer = portal.as('producer')
    const chunks = chunksOf('unannounced', 10)
    const uploadId = await storeUnder(producer, 'debian-13', chunks)
    await producer.uploads.abortUpload({ requestId: '', uploadId })
    await collect()
    const fresh = await producer.uploads.beginUpload({
      requestId: '',
      target: 'debian-13',
      notes: '',
      labels: {},
      custom: undefined,
    })
    await commitOf(producer, fresh.upload?.id ?? '', chunks)
    await aWeekPasses()
    expect(await collect()).toMatchObject({ deletedChunks: 0n })
    expect(await fetchRight(producer, digestsOf(chunks))).toBe(10)
  })

  test('an upload whose lease has run out keeps nothing, and says so', async () => {
    const producer = portal.as('producer')
    const chunks = chunksOf('forgotten', 10)
    const uploadId = await storeUnder(producer, 'debian-13', chunks)
    await portal.sql`update upload set expire_time = now() where id = ${uploadId}`
    expect(await collect()).toMatchObject({ condemnedChunks: 10n })
    await expect(commitOf(producer, uploadId, chunks)).rejects.toMatchObject({
      reason: 'UPLOAD_CLOSED',
      message: expect.stringContaining('its lease has run out'),
    })
  })

  test('the content of an expired image goes, and can be published again', async () => {
    const producer = portal.as('producer')
    const chunks = chunksOf('expired', 10)
    const publish = async () =>
      commitOf(producer, await storeUnder(producer, 'fedora-43', chunks), chunks)
    const first = await publish()
    await collect()
    await expire(portal.sql, first)
    expect(await collect()).toMatchObject({ condemnedChunks: 10n })
    await aWeekPasses()
    await collect()
    expect(await missing(chunks)).toBe(10)
    expect(await publish()).not.toBe(first)
    await collect()
    expect(await fetchRight(producer, digestsOf(chunks))).toBe(10)
  })

  test('a dry run says what would be done and leaves it', async () => {
    const producer = portal.as('producer')
    const chunks = chunksOf('dry', 10)
    const uploadId = await storeUnder(producer, 'debian-13', chunks)
    await producer.uploads.abortUpload({ requestId: '', uploadId })
    const { storage } = portal.as('admin')
    for (let i = 0; i < 2; i++) {
      expect(await storage.collect({ validateOnly: true })).toMatchObject({ condemnedChunks: 10n })
    }
    expect(await collect()).toMatchObject({ condemnedChunks: 10n })
  })
})
