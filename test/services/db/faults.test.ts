import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { recogniseDatabase } from '../../../services/db/faults.ts'
import { ReportStateRequest } from '../../../proto/gen/merge/image/v1/agent.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { cutPage } from '../../../services/pages.ts'
import { ImageFilter } from '../../../proto/gen/merge/image/v1/image.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { makeFacilities } from '../../support/facilities.ts'
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
    await makeFacilities(portal.as('admin'), 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const nul = 'a\0b'
  const anything = { namespace: '', distro: '', release: '', role: '', arch: '', state: '' }
  const made = cutPage(['x', 'y'], { size: 1, after: '' }, () => 'no number', anything)
  const calls: Readonly<Record<string, (admin: Clients) => Promise<unknown>>> = {
    'the name of a facility': ({ facilities }) => facilities.getFacility({ name: nul }),
    'a display name': ({ facilities }) =>
      facilities.createFacility({ requestId: '', name: 'lab1', displayName: nul, arch: '' }),
    'the notes of an upload': ({ uploads }) =>
      uploads.beginUpload({
        requestId: '',
        target: 'debian-13',
        notes: nul,
        labels: {},
        custom: undefined,
      }),
    'a namespace': ({ aliases }) =>
      aliases.listAliases({ namespace: nul, pageSize: 0, pageToken: '' }),
    'a filter': ({ images }) =>
      images.listImages({ pageSize: 0, pageToken: '', filter: ImageFilter.create({ role: nul }) }),
    'a page token': ({ images }) =>
      images.listImages({ pageSize: 0, pageToken: made.nextPageToken, filter: undefined }),
    'the reason of an alias': ({ aliases }) =>
      aliases.setAlias(
        SetAliasRequest.fromPartial({
          requestId: randomUUID(),
          alias: nul,
          image: 'debian-13.0-std-x86-20260101',
          etag: nul,
          reason: nul,
        }),
      ),
    'a line': ({ aliases }) =>
      aliases.setAlias(SetAliasRequest.fromPartial({ alias: 'stable', follow: nul })),
    'a number': ({ agents }) =>
      agents.reportState(ReportStateRequest.create({ facility: 'lab1', storedBytes: 2n ** 63n })),
    'a distro': ({ catalog }) => catalog.getDistro({ distro: nul }),
    'a reference': ({ resolver }) =>
      resolver.resolveImage(ResolveImageRequest.create({ reference: nul, arch: nul })),
  }

  test.each(Object.keys(calls))('are refused as %s', async (what) => {
    await expect(
      calls[what]?.(portal.as(what === 'a number' ? 'agent:lab1' : 'admin')),
    ).rejects.toMatchObject({ kind: 'invalid' })
  })
})
