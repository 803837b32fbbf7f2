import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { BeginUploadRequest, CommitHeader } from '../../../proto/gen/merge/image/v1/upload.ts'
import { commit } from '../../support/builds.ts'
import { restate, storeMessages } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('what an image was made of', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function make(target: string, parent = ''): Promise<string> {
    const begin = BeginUploadRequest.create({ requestId: randomUUID(), target })
    const uploadId = (await producer.uploads.beginUpload(begin)).upload?.id ?? ''
    const data = randomBytes(100)
    await producer.chunks.storeChunks(storeMessages(uploadId, data))
    const header = { requestId: randomUUID(), uploadId, release: true, parent }
    return (await commit(producer, CommitHeader.create(header), data)).name
  }

  const get = async (name: string) => (await producer.images.getImage({ name })).image
  const descendants = async (name: string, pageSize = 0, pageToken = '') => {
    const page = await producer.images.listDescendants({ name, pageSize, pageToken })
    return { names: page.images.map((image) => image.name), next: page.nextPageToken }
  }

  test('is kept with it, and its descendants are listed, newest first', async () => {
    const root = await make('debian-13')
    const child = await make('debian-13-vte', root)
    const other = await make('debian-13-hypervisor', root)
    const grandchild = await make('debian-13-portalvte', child)
    expect((await get(grandchild))?.parent).toBe(child)
    expect((await get(root))?.parent).toBe('')
    expect((await descendants(root)).names).toEqual([grandchild, other, child])
    expect((await descendants(child)).names).toEqual([grandchild])
    const first = await descendants(root, 2)
    expect(first.names).toEqual([grandchild, other])
    expect(await descendants(root, 2, first.next)).toEqual({ names: [child], next: '' })
  })

  test('has to be an image that is there', async () => {
    await expect(make('debian-12', 'debian-12.0-std-x86-20200101')).rejects.toMatchObject({
      reason: 'NOT_FOUND',
    })
    await expect(make('debian-12', 'debian-12')).rejects.toMatchObject({ reason: 'INVALID_NAME' })
  })

  test('shows on it when it is withdrawn, however far back: the nearest one', async () => {
    const root = await make('ubuntu-2404')
    const child = await make('ubuntu-2404-vte', root)
    const grandchild = await make('ubuntu-2404-portalvte', child)
    expect((await get(grandchild))?.withdrawnAncestor).toBeUndefined()
    const better = await make('ubuntu-2404')
    await restate(portal.sql, root, { state: 'revoked', replacement: better })
    expect((await get(grandchild))?.withdrawnAncestor).toEqual({
      image: root,
      state: ImageState.IMAGE_STATE_REVOKED,
      message: `It was made of ${root}, which is revoked; use ${better} instead of that one`,
    })
    await restate(portal.sql, child, { state: 'deprecated' })
    expect((await get(grandchild))?.withdrawnAncestor).toMatchObject({
      image: child,
      message: `It was made of ${child}, which is deprecated`,
    })
    expect((await get(child))?.withdrawnAncestor?.image).toBe(root)
    expect((await get(root))?.withdrawnAncestor).toBeUndefined()
  })
})
