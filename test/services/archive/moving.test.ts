import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { chunkDigests } from '../../../lib/content/manifest.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ImageStorage } from '../../../proto/gen/merge/image/v1/image.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import {
  archive,
  expire,
  isArchived,
  isPresent,
  isStuck,
  restore,
  servesAll,
  tiesOf,
  watched,
} from '../../support/archiving.ts'
import { noise } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { manifestOf, publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { flip } from '../../support/shelf.ts'

describe('the archive', () => {
  let stack: AsyncDisposableStack
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let folder: string
  let count = 0
  let data: Buffer
  /** The older image of a line: nothing needs it. */
  let old = ''
  let newest = ''

  const open = (...more: string[]) =>
    freshPortal(undefined, undefined, [
      ...['--archive-dir', folder, '--collect-every', '0', '--collect-grace', '0'],
      ...more,
    ])

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    folder = join(stack.use(await temporaryFolder()).path, 'archive')
    portal = stack.use(await open())
    producer = portal.as('producer:alice')
    data = noise(`data ${count++}`, 700_000)
    old = await publish(producer, 'debian-13', data)
    newest = await publish(producer, 'debian-13', noise(`newer ${count}`, 200_000))
  })

  afterEach(() => stack.disposeAsync())

  const collect = () => portal.as('admin').storage.collect({ validateOnly: false })
  const packs = async () =>
    (await readdir(join(folder, 'packs'))).map((name) => join(folder, 'packs', name))
  const get = async (name: string) => (await producer.images.getImage({ name })).image
  const longAfter = async () => {
    await collect()
    await portal.sql`update chunk set condemn_time = condemn_time - interval '8 days'`
    await collect()
  }
  const toArchive = async (name: string) => {
    await archive(producer, name)
    return watched(producer, name, isArchived)
  }

  test('takes an image and gives it back, every byte of it', async () => {
    await toArchive(old)
    expect(await tiesOf(portal.sql, old)).toMatchObject({ main: 0 })
    await longAfter()
    expect(await servesAll(producer, data)).toBe(false)
    const { image } = await restore(producer, old)
    expect(image?.storage).toBe(ImageStorage.IMAGE_STORAGE_ARCHIVED)
    await watched(producer, old, isPresent)
    expect(await servesAll(producer, data)).toBe(true)
    expect(await tiesOf(portal.sql, old)).toMatchObject({ archive: 0 })
    expect(await readdir(join(portal.folder, 'portal/chunks/tmp'))).toEqual([])
  })

  test('keeps who moved an image and why, and every change makes a new generation', async () => {
    await toArchive(old)
    const changes = await producer.images.listImageChanges({
      name: old,
      pageSize: 0,
      pageToken: '',
    })
    expect(changes.changes[0]).toMatchObject({
      storage: ImageStorage.IMAGE_STORAGE_ARCHIVED,
      actor: 'producer:alice',
      reason: 'seldom used',
    })
  })

  test('brings back for nothing what the portal has not deleted yet, with the archive away', async () => {
    await toArchive(old)
    await collect()
    await restore(producer, old)
    await watched(producer, old, isPresent)
    const [row] = await portal.sql`select count(*)::int as packs from pack`
    expect(row).toEqual({ packs: 2 })
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('refuses what something needs, and says what', async () => {
    await expect(archive(producer, newest)).rejects.toMatchObject({
      reason: 'NEEDED',
      message: expect.stringContaining('newest'),
    })
    const alias = { requestId: randomUUID(), alias: 'stable', image: old, reason: 'x' }
    await producer.aliases.setAlias(SetAliasRequest.create(alias))
    for (const act of [archive, expire]) {
      await expect(act(producer, old)).rejects.toMatchObject({
        reason: 'NEEDED',
        facts: { holders: expect.stringContaining('stable') },
      })
    }
  })

  test('takes what is held where the policy of its line says so, and only there', async () => {
    await hold(old)
    await expect(archive(producer, old)).rejects.toMatchObject({ reason: 'NEEDED' })
    await portal.sql`
      insert into policy (name, pattern, keep_newest, keep_monthly, keep_quarterly, minimum_age_days, used_days,
        archive_after_days, expire_after_days, cap_bytes, archive_held, cron, zone, brake_percent, notes, author)
      values ('p', 'debian-*-*-*', 1, 0, 0, 0, 0, 1, 0, 0, true, '', 'UTC', 10, '', 'me')`
    await toArchive(old)
    await expect(expire(producer, old)).rejects.toMatchObject({ reason: 'NEEDED' })
  })

  async function hold(image: string): Promise<void> {
    await portal.sql`
      insert into hold (id, image, kind, owner, reason, link)
      values (${randomUUID()}, ${image}, 'person', 'bob', 'a paper', '')`
  }

  /** Begins a move that nobody works at yet, as a portal leaves it that was stopped. */
  async function waiting(image: string, kind: 'archive' | 'restore'): Promise<void> {
    const lease = randomUUID()
    await portal.sql`
      insert into upload (id, caller, target, expire_time)
      values (${lease}, 'system', ${image}, now() + interval '1 day')`
    await portal.sql`
      insert into move (image, kind, lease, actor, reason, lease_time)
      values (${image}, ${kind}, ${lease}, 'me', '', now() + interval '1 day')`
  }
  const goOn = () => portal.sql`update move set lease_time = null, error = ''`

  test.each(['archive', 'restore'] as const)(
    'that goes away while an image is to %s: its move says why, and goes on',
    async (kind) => {
      // Something must have been put there, or a folder that is gone is only a new one.
      const subject = kind === 'restore' ? old : await publish(producer, 'fedora-43', data)
      await publish(producer, 'fedora-43', noise('newest', 100))
      await toArchive(old)
      await longAfter()
      await waiting(subject, kind)
      await rename(folder, `${folder}.away`)
      await goOn()
      const { move, storage } = await watched(producer, subject, isStuck)
      expect(move?.error).toContain(`The archive ${folder} cannot be reached: the folder`)
      expect(storage).not.toBe(ImageStorage.IMAGE_STORAGE_EXPIRED)
      await rename(`${folder}.away`, folder)
      await goOn()
      await watched(producer, subject, kind === 'restore' ? isPresent : isArchived)
      if (kind === 'restore') expect(await servesAll(producer, data)).toBe(true)
    },
  )

  test('that is away refuses new moves and says why; the portal serves', async () => {
    await toArchive(old)
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
    await toArchive(old)
    await rename(folder, `${folder}.away`)
    await mkdir(folder)
    await expect(restore(producer, old)).rejects.toMatchObject({
      reason: 'ARCHIVE_UNREACHABLE',
      message: expect.stringContaining('none of the packs'),
    })
    expect(await readdir(folder)).not.toContain('packs')
  })

  test('with a flipped bit says which chunk, and the image stays archived', async () => {
    await toArchive(old)
    await longAfter()
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
    await toArchive(old)
    const [pack = ''] = await packs()
    await flip(pack, 1000)
    const same = await publish(producer, 'fedora-43', data)
    await publish(producer, 'fedora-43', noise('later', 1000))
    await toArchive(same)
    // The good copy took the bad one's place.
    await longAfter()
    await restore(producer, same)
    await watched(producer, same, isPresent)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('of two images with the same chunks, the one that stays keeps them', async () => {
    const shared = Buffer.concat([data, noise('tail', 300_000)])
    const other = await publish(producer, 'fedora-43', shared)
    const twin = await publish(producer, 'alma-9', data)
    await toArchive(old)
    await longAfter()
    expect(await servesAll(producer, data)).toBe(true)
    expect(await servesAll(producer, shared)).toBe(true)
    // The twin has the same manifest: its rows are both images'.
    expect(await tiesOf(portal.sql, twin)).toMatchObject({ main: expect.any(Number) })
    expect((await tiesOf(portal.sql, twin))?.main).toBeGreaterThan(0)
    expect(await get(other)).toMatchObject({ storage: ImageStorage.IMAGE_STORAGE_PRESENT })
    await restore(producer, old)
    await watched(producer, old, isPresent)
    expect((await tiesOf(portal.sql, old))?.archive).toBe(0)
  })

  test('a line whose older image is archived resolves as before, and the image tells of it', async () => {
    await toArchive(old)
    const resolve = (reference: string) =>
      producer.resolver.resolveImage(ResolveImageRequest.create({ reference }))
    expect((await resolve('debian-13')).image?.name).toBe(newest)
    expect((await get(old))?.storage).toBe(ImageStorage.IMAGE_STORAGE_ARCHIVED)
  })

  test('what expired from the archive comes back to it within the time, and not after', async () => {
    await toArchive(old)
    await longAfter()
    const { image } = await expire(producer, old)
    const days = (Number(image?.undeleteTime) - Number(image?.changeTime)) / 86_400_000
    expect(days).toBe(7)
    await restore(producer, old)
    expect(await get(old)).toMatchObject({ storage: ImageStorage.IMAGE_STORAGE_ARCHIVED })
    await restore(producer, old)
    await watched(producer, old, isPresent)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('what expired comes back until its bytes are gone, and then with the same content', async () => {
    await expire(producer, old)
    await collect()
    await restore(producer, old)
    expect(await get(old)).toMatchObject({ storage: ImageStorage.IMAGE_STORAGE_PRESENT })
    await expire(producer, old)
    await longAfter()
    await expect(restore(producer, old)).rejects.toMatchObject({
      reason: 'EXPIRED',
      message: expect.stringContaining('publish or import the same content'),
    })
    await publish(producer, 'fedora-43', data)
    await restore(producer, old)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('a dry run of an expiry changes nothing', async () => {
    const { image } = await expire(producer, old, true)
    expect(image?.storage).toBe(ImageStorage.IMAGE_STORAGE_EXPIRED)
    expect((await get(old))?.storage).toBe(ImageStorage.IMAGE_STORAGE_PRESENT)
  })

  test('an image that is held while it is copied stays', async () => {
    await portal.sql`
      create function slowly() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.2); return new; end $$`
    await portal.sql`
      create trigger slowly before insert on archive.pack for each row execute function slowly()`
    await archive(producer, old)
    await hold(old)
    const image = await watched(producer, old, ({ move }) => move === undefined)
    expect(image.storage).toBe(ImageStorage.IMAGE_STORAGE_PRESENT)
    expect((await tiesOf(portal.sql, old))?.archive).toBe(0)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('the same content published while it is archived stays at the portal', async () => {
    await archive(producer, old)
    const twin = await publish(producer, 'fedora-43', data)
    await watched(producer, old, isArchived)
    await longAfter()
    expect((await tiesOf(portal.sql, twin))?.main).toBeGreaterThan(0)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('a move that nobody worked at for days is taken up, and leases what it brings', async () => {
    await waiting(old, 'archive')
    await portal.sql`
      update upload set state = 'lapsed', expire_time = now() - interval '2 days' where caller = 'system'`
    await goOn()
    await watched(producer, old, isArchived)
    const [row] = await portal.sql`select count(*)::int as leased from archive.lease`
    expect(row?.['leased']).toBeGreaterThan(0)
  })

  test('while one move is under way the other way is refused, and the same goes on', async () => {
    await waiting(old, 'archive')
    await expect(restore(producer, old)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    expect((await archive(producer, old)).image?.move).toBeDefined()
    await expect(expire(producer, old)).rejects.toMatchObject({ reason: 'NEEDED' })
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
