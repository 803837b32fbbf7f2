import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ImageStorage } from '../../../proto/gen/merge/image/v1/image.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import {
  archive,
  expire,
  isArchived,
  isPresent,
  portalWithArchive,
  restore,
  servesAll,
  tiesOf,
  watched,
} from '../../support/archiving.ts'
import { noise } from '../../support/chunks.ts'
import { publish } from '../../support/images.ts'

describe('the archive', () => {
  let given: Awaited<ReturnType<typeof portalWithArchive>>
  let portal: typeof given.portal
  let producer: typeof given.producer
  let data: Buffer
  /** The older image of a line: nothing needs it. */
  let old = ''
  let newest = ''

  beforeEach(async () => {
    given = await portalWithArchive()
    ;({ portal, producer, data, old, newest } = given)
  })

  afterEach(() => given[Symbol.asyncDispose]())

  const get = async (name: string) => (await producer.images.getImage({ name })).image

  test('takes an image and gives it back, every byte of it', async () => {
    await given.toArchive(old)
    expect(await tiesOf(portal.sql, old)).toMatchObject({ main: 0 })
    await given.longAfter()
    expect(await servesAll(producer, data)).toBe(false)
    const { image } = await restore(producer, old)
    expect(image?.storage).toBe(ImageStorage.IMAGE_STORAGE_ARCHIVED)
    await watched(producer, old, isPresent)
    expect(await servesAll(producer, data)).toBe(true)
    expect(await tiesOf(portal.sql, old)).toMatchObject({ archive: 0 })
    expect(await readdir(join(portal.folder, 'portal/chunks/tmp'))).toEqual([])
  })

  test('keeps who moved an image and why, and every change makes a new generation', async () => {
    await given.toArchive(old)
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
    await given.toArchive(old)
    await given.collect()
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
    await given.toArchive(old)
    await expect(expire(producer, old)).rejects.toMatchObject({ reason: 'NEEDED' })
  })

  async function hold(image: string): Promise<void> {
    await portal.sql`
      insert into hold (id, image, kind, owner, reason, link)
      values (${randomUUID()}, ${image}, 'person', 'bob', 'a paper', '')`
  }

  test('of two images with the same chunks, the one that stays keeps them', async () => {
    const shared = Buffer.concat([data, noise('tail', 300_000)])
    const other = await publish(producer, 'fedora-43', shared)
    const twin = await publish(producer, 'alma-9', data)
    await given.toArchive(old)
    await given.longAfter()
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
    await given.toArchive(old)
    const resolve = (reference: string) =>
      producer.resolver.resolveImage(ResolveImageRequest.create({ reference }))
    expect((await resolve('debian-13')).image?.name).toBe(newest)
    expect((await get(old))?.storage).toBe(ImageStorage.IMAGE_STORAGE_ARCHIVED)
  })

  test('what expired from the archive comes back to it within the time, and not after', async () => {
    await given.toArchive(old)
    await given.longAfter()
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
    await given.collect()
    await restore(producer, old)
    expect(await get(old)).toMatchObject({ storage: ImageStorage.IMAGE_STORAGE_PRESENT })
    await expire(producer, old)
    await given.longAfter()
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
    await given.longAfter()
    expect((await tiesOf(portal.sql, twin))?.main).toBeGreaterThan(0)
    expect(await servesAll(producer, data)).toBe(true)
  })

  test('a move that nobody worked at for days is taken up, and leases what it brings', async () => {
    await given.waiting(old, 'archive')
    await portal.sql`
      update upload set state = 'lapsed', expire_time = now() - interval '2 days' where caller = 'system'`
    await given.goOn()
    await watched(producer, old, isArchived)
    const [row] = await portal.sql<{ leased: number }[]>`
      select count(*)::int as leased from archive.lease`
    expect(row?.leased).toBeGreaterThan(0)
  })

  test('while one move is under way the other way is refused, and the same goes on', async () => {
    await given.waiting(old, 'archive')
    await expect(restore(producer, old)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    expect((await archive(producer, old)).image?.move).toBeDefined()
    await expect(expire(producer, old)).rejects.toMatchObject({ reason: 'NEEDED' })
  })
})
