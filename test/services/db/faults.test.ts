import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { recogniseDatabase } from '../../../services/db/faults.ts'
import { ImageFilter } from '../../../proto/gen/merge/image/v1/image.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

test.each(['CONNECTION_CLOSED', 'ECONNREFUSED', '57P01'])(
  'a database that is lost with %s is NOT_READY',
  (code) => {
    const error = Object.assign(new Error('lost'), { code })
    expect(recogniseDatabase(error)).toMatchObject({
      kind: 'unavailable',
      reason: 'NOT_READY',
      cause: error,
    })
  },
)

test('other errors stay what they are', () => {
  const error = Object.assign(new Error('a defect'), { code: '42P01' })
  expect(recogniseDatabase(error)).toBe(error)
})

describe('words that no database takes', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal()
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const nul = 'a\0b'
  const made = Buffer.from(`${'0'.repeat(16)} x`).toString('base64url')
  const calls: Readonly<Record<string, (admin: Clients) => Promise<unknown>>> = {
    'the name of a facility': ({ facilities }) => facilities.getFacility({ name: nul }),
    'a display name': ({ facilities }) =>
      facilities.createFacility({ requestId: '', name: 'lab1', displayName: nul, arch: '' }),
    'the notes of an upload': ({ uploads }) =>
      uploads.beginUpload({ requestId: '', target: 'debian-13', notes: nul }),
    'an upload': ({ uploads }) => uploads.getUpload({ uploadId: nul }),
    'a namespace': ({ aliases }) =>
      aliases.listAliases({ namespace: nul, pageSize: 0, pageToken: '' }),
    'a filter': ({ images }) =>
      images.listImages({ pageSize: 0, pageToken: '', filter: ImageFilter.create({ role: nul }) }),
    'a page token': ({ images }) =>
      images.listImages({ pageSize: 0, pageToken: made, filter: undefined }),
    'the reason of an alias': ({ aliases }) =>
      aliases.setAlias({
        requestId: randomUUID(),
        alias: nul,
        image: 'debian-13.0-std-x86-20260101',
        etag: nul,
        reason: nul,
      }),
    'a distro': ({ catalog }) => catalog.getDistro({ distro: nul }),
    'a reference': ({ resolver }) =>
      resolver.resolveImage({ reference: nul, arch: nul, explain: false }),
  }

  test.each(Object.keys(calls))('are refused as %s', async (what) => {
    await expect(calls[what]?.(portal.as('admin'))).rejects.toMatchObject({ kind: 'invalid' })
  })
})
