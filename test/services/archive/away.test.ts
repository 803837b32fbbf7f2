import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { chunkDigests } from '../../../lib/content/manifest.ts'
import { ImageStorage } from '../../../proto/gen/merge/image/v1/image.ts'
import {
  archive,
  isArchived,
  isPresent,
  isStuck,
  portalWithArchive,
  restore,
  servesAll,
  watched,
} from '../../support/archiving.ts'
import { noise } from '../../support/chunks.ts'
import { manifestOf, publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'
import { flip } from '../../support/shelf.ts'

describe('an archive', () => {
  let given: Awaited<ReturnType<typeof portalWithArchive>>
  let portal: typeof given.portal
  let producer: typeof given.producer
  let folder: string
  let data: Buffer
  /** The older image of a line: nothing needs it. */
  let old = ''

  beforeEach(async () => {
    given = await portalWithArchive()
    ;({ portal, producer, folder, data, old } = given)
  })

  afterEach(() => given[Symbol.asyncDispose]())

  const get = async (name: string) => (await producer.images.getImage({ name })).image
  const packs = async () =>
    (await readdir(join(folder, 'packs'))).map((name) => join(folder, 'packs', name))

  test.each(['archive', 'restore'] as const)(
    'that goes away while an image is to %s: its move says why, and goes on',
    async (kind) => {
      // Something must have been put there, or a folder that is gone is only a new one.
      const subject = kind === 'restore' ? old : await publish(producer, 'fedora-43', data)
      await publish(producer, 'fedora-43', noise('newest', 100))
      await given.toArchive(old)
      await given.longAfter()
      await given.waiting(subject, kind)
      await rename(folder, `${folder}.away`)
      await given.goOn()
      const { move, storage } = await watched(producer, subject, isStuck)
      expect(move?.error).toContain(`The archive ${folder} cannot be reached: the folder`)
      expect(storage).not.toBe(ImageStorage.IMAGE_STORAGE_EXPIRED)
      await rename(`${folder}.away`, folder)
      await given.goOn()
      await watched(producer, subject, kind === 'restore' ? isPresent : isArchived)
      if (kind === 'restore') expect(await servesAll(producer, data)).toBe(true)
    },
  )

  test('that is away refuses new moves and says why; the portal serves', async () => {
    await given.toArchive(old)
    await rename(folder, `${folder}.away`)
    const other = await publish(producer, 'fedora-43', noise('other', 1000))
    await publish(producer, 'fedora-43', noise('another', 1000))
    for (const refused of [restore(producer, old), archive(producer, other)]) {
      await expect(refused).rejects.toMatchObject({
        reason: 'ARCHIVE_UNREACHABLE',
        facts: { archive: folder },
        message: expect.stringContaining('the folder is not there (ENOENT)'),
      })
    }
    expect(await get(other)).toMatchObject({ move: undefined })
    await rename(`${folder}.away`, folder)
    await restore(producer, old)
    await watched(producer, old, isPresent)
  })

  test('that is empty where packs were put, as a volume that is not mounted, is not written to', async () => {
    await given.toArchive(old)
    await rename(folder, `${folder}.away`)
    await mkdir(folder)
    await expect(restore(producer, old)).rejects.toMatchObject({
      reason: 'ARCHIVE_UNREACHABLE',
      message: expect.stringContaining('none of the packs'),
    })
    expect(await readdir(folder)).not.toContain('packs')
  })

  test('with a flipped bit says which chunk, and the image stays archived', async () => {
    await given.toArchive(old)
    await given.longAfter()
    const [first = ''] = await packs()
    await flip(first, 1000)
    await restore(producer, old)
    const stuck = await watched(producer, old, isStuck)
    expect(stuck.storage).toBe(ImageStorage.IMAGE_STORAGE_ARCHIVED)
    const digests = chunkDigests(manifestOf(data))
    expect(stuck.move?.error).toMatch(/damaged/)
    expect(digests.some((digest) => stuck.move?.error.includes(digest) === true)).toBe(true)
    // Tried again it says the same, and the same content published again mends it.
    await portal.sql`update move set lease_time = null, error = ''`
    const again = await watched(producer, old, isStuck)
    expect(again.move?.error).toBe(stuck.move?.error)
    await publish(producer, 'fedora-43', data)
    await portal.sql`update move set lease_time = null`
    await watched(producer, old, isPresent)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('that loses what was written to it is noticed before the originals go', async () => {
    await given.toArchive(old)
    const [pack = ''] = await packs()
    await flip(pack, 1000)
    const same = await publish(producer, 'fedora-43', data)
    await publish(producer, 'fedora-43', noise('later', 1000))
    await given.toArchive(same)
    // The good copy took the bad one's place.
    await given.longAfter()
    await restore(producer, same)
    await watched(producer, same, isPresent)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('a folder that cannot be made is told', async () => {
    await rm(folder, { recursive: true, force: true })
    await mkdir(join(folder, '..'), { recursive: true })
    await using other = await freshPortal(undefined, undefined, ['--archive-dir', '/dev/null/no'])
    const someone = other.as('producer')
    const image = await publish(someone, 'debian-13', data)
    await publish(someone, 'debian-13', noise('x', 100))
    await expect(archive(someone, image)).rejects.toMatchObject({
      reason: 'ARCHIVE_UNREACHABLE',
      message: expect.stringContaining('/dev/null/no'),
    })
  })

  test('a portal without one says how to have one', async () => {
    await using other = await freshPortal()
    const someone = other.as('producer')
    const image = await publish(someone, 'debian-13', data)
    await publish(someone, 'debian-13', noise('x', 100))
    await expect(archive(someone, image)).rejects.toMatchObject({
      reason: 'ARCHIVE_UNREACHABLE',
      message: expect.stringContaining('--archive-dir'),
    })
  })
})
