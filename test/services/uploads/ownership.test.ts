import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes, randomUUID } from 'node:crypto'
import { encodeUploadId } from '../../../lib/chunks/plane.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'
import { streamOf } from '../../support/rpc.ts'

describe("somebody else's upload", () => {
  const data = randomBytes(1000)
  const notFound = { kind: 'missing', reason: 'UPLOAD_NOT_FOUND' }
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let uploadId: string

  beforeAll(async () => {
    portal = await freshPortal()
    await makeFacilities(portal.as('admin'), 'lab1')
    const request = {
      requestId: randomUUID(),
      target: 'debian-13',
      notes: '',
      labels: {},
      custom: undefined,
    }
    uploadId = (await portal.as('producer:alice').uploads.beginUpload(request)).upload?.id ?? ''
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  test.each(['admin', 'manager:lab1', 'producer:bob'])('is not there for %s', async (who) => {
    const { uploads, chunks } = portal.as(who)
    await expect(uploads.getUpload({ uploadId })).rejects.toMatchObject(notFound)
    const abort = uploads.abortUpload({ requestId: randomUUID(), uploadId })
    await expect(abort).rejects.toMatchObject(notFound)
    const stored = chunks.storeChunks(streamOf(encodeUploadId(uploadId)))
    await expect(stored).rejects.toMatchObject(notFound)
    const asked = chunks.findMissing({ digests: Buffer.alloc(0), uploadId })
    await expect(asked).rejects.toMatchObject(notFound)
  })

  test('is still open for its owner', async () => {
    const owner = portal.as('producer:alice')
    const upload = await owner.uploads.getUpload({ uploadId })
    expect(upload).toMatchObject({ upload: { image: '' } })
    await publish(owner, 'debian-13', data)
  })
})
