import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { copyFile, cp, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { readSettings } from '../../lib/settings.ts'
import { fsckPortal, portalFsckSettings } from '../../services/fsck.ts'
import { archive, isArchived, watched } from '../support/archiving.ts'
import { noise } from '../support/chunks.ts'
import { freshDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, publish } from '../support/images.ts'
import { fetchRight } from '../support/overlapping.ts'
import { freshPortal } from '../support/portal.ts'
import { flip } from '../support/shelf.ts'

const never = new AbortController().signal
const [older, newer] = [noise('older', 1_500_000), noise('newer', 2_000_000)]
const digests = [older, newer].flatMap((data) => chunkDigests(manifestOf(data)))

describe('a check of a portal', () => {
  let whole: AsyncDisposableStack
  /** A portal with two images, stopped: each test spoils a copy of it. */
  let model: { readonly database: string; readonly data: string }
  let images: readonly string[]
  let stack: AsyncDisposableStack
  let database: Awaited<ReturnType<typeof freshDatabase>>
  let data: string

  const running = () => freshPortal(undefined, database, ['--data', data, '--collect-every', '0'])

  beforeAll(async () => {
    whole = new AsyncDisposableStack()
    database = whole.use(await freshDatabase())
    data = join(whole.use(await temporaryFolder()).path, 'portal')
    {
      await using portal = await running()
      const producer = portal.as('producer')
      images = [
        await publish(producer, 'debian-12', older),
        await publish(producer, 'debian-13', newer),
      ]
    }
    await database.sql.end()
    model = { database: new URL(database.url).pathname.slice(1), data }
  })

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    database = stack.use(await freshDatabase(model.database))
    data = join(stack.use(await temporaryFolder()).path, 'portal')
    await cp(model.data, data, { recursive: true })
  })

  afterEach(() => stack.disposeAsync())
  afterAll(() => whole.disposeAsync())

  async function check(...flags: readonly string[]) {
    const args = ['--data', data, '--database', database.url, ...flags]
    const settings = readSettings(portalFsckSettings, args, {}, 'TEST')
    const world = { now: () => new Date(), newUuid: randomUUID, newUlid: ulid, threads: 1 }
    return fsckPortal(settings, { ...world, tell: () => undefined }, never)
  }

  const packs = async () => {
    const folder = join(data, 'chunks/packs')
    return (await readdir(folder))
      .sort()
      .map((name) => ({ key: `packs/${name}`, path: join(folder, name) }))
  }

  /** The pack of the first image, and that of the second. */
  async function both() {
    const [first, second] = await packs()
    if (first === undefined || second === undefined) throw new Error('a pack for each image')
    return { first, second }
  }

  /** Whether every chunk of every image comes back from a portal that is started now. */
  async function servesAll(): Promise<boolean> {
    await using portal = await running()
    return (await fetchRight(portal.as('producer'), digests)) === new Set(digests).size
  }

  test('that is whole finds nothing, read or not', async () => {
    for (const flags of [[], ['--read']]) {
      expect(await check(...flags)).toMatchObject({
        packs: 2,
        images: 2,
        manifests: 2,
        findings: [],
      })
    }
  })

  test('refuses a folder where no portal is, and makes none', async () => {
    const nowhere = join(data, 'nowhere')
    await expect(check('--data', nowhere)).rejects.toMatchObject({ reason: 'NOT_PRESENT' })
    expect(await readdir(data)).not.toContain('nowhere')
  })

  test('whose pack and chunk tables are lost builds them again from the packs alone', async () => {
    await database.sql`truncate chunk, pack, manifest_chunk, damage`
    const before = await check()
    expect(before.findings.map(({ flaw }) => flaw).sort()).toEqual([
      'missing chunks',
      'missing chunks',
      'unrecorded pack',
      'unrecorded pack',
    ])
    const repaired = await check('--repair')
    expect(repaired.findings.every(({ outcome }) => outcome !== 'left')).toBe(true)
    expect((await check('--read')).findings).toEqual([])
    expect(await servesAll()).toBe(true)
  })

  test('whose chunks alone have lost their rows finds them in the packs', async () => {
    await database.sql`truncate chunk, manifest_chunk, damage`
    expect((await check()).findings.map(({ flaw }) => flaw)).toEqual([
      'missing chunks',
      'missing chunks',
    ])
    const { findings } = await check('--repair')
    expect(findings.map(({ flaw }) => flaw).sort()).toEqual([
      'missing chunks',
      'missing chunks',
      'unguarded chunks',
      'unguarded chunks',
    ])
    expect(findings.every(({ outcome }) => outcome !== 'left')).toBe(true)
    expect((await check('--read')).findings).toEqual([])
    expect(await servesAll()).toBe(true)
  })

  test('ties chunks to their images again before a collector comes', async () => {
    await database.sql`truncate manifest_chunk`
    await database.sql`update chunk set live = false, condemn_time = now()`
    expect((await check()).findings).toMatchObject([
      { flaw: 'unguarded chunks', where: images[0], outcome: 'left' },
      { flaw: 'unguarded chunks', where: images[1], outcome: 'left' },
    ])
    await check('--repair')
    expect((await check()).findings).toEqual([])
    const [row] = await database.sql`select count(*)::int as count from chunk where not live`
    expect(row).toEqual({ count: 0 })
  })

  test('names a pack that is gone, the image that needs it, and what cannot be repaired here', async () => {
    const { first } = await both()
    await rm(first.path)
    const { findings } = await check('--repair')
    expect(findings).toMatchObject([
      { flaw: 'lost pack', where: first.key, outcome: 'noted' },
      { flaw: 'missing chunks', where: images[0], outcome: 'left' },
    ])
    // Whoever asks the portal now hears that they are missing, and the same file brings them.
    {
      await using portal = await running()
      await publish(portal.as('producer'), 'debian-12', older)
    }
    expect(await servesAll()).toBe(true)
  })

  test('finds chunks of a pack that is gone in another pack', async () => {
    const { first } = await both()
    const [row] = await database.sql<{ key: string }[]>`select key from pack order by id limit 1`
    expect(row?.key).toBe(first.key)
    await copyFile(first.path, join(data, 'chunks/packs', ulid()))
    await rm(first.path)
    expect((await check('--repair')).findings.every(({ outcome }) => outcome !== 'left')).toBe(true)
    expect(await servesAll()).toBe(true)
  })

  test('corrects rows that say otherwise than their pack', async () => {
    const { second } = await both()
    await database.sql`
      update chunk set position = position + 1, raw_bytes = raw_bytes - 1
      where pack = (select id from pack where key = ${second.key})
        and id in (select id from chunk order by id desc limit 3)`
    const wrong = { flaw: 'misplaced chunks', where: second.key, chunks: 3 }
    expect((await check()).findings).toMatchObject([wrong])
    expect((await check('--repair')).findings).toMatchObject([{ ...wrong, outcome: 'repaired' }])
    expect((await check('--read')).findings).toEqual([])
  })

  test('takes a chunk that is recorded in the wrong pack for missing, and finds the right one', async () => {
    const { first, second } = await both()
    await database.sql`
      update chunk set pack = (select id from pack where key = ${second.key})
      where id = (select min(id) from chunk
        where pack = (select id from pack where key = ${first.key}))`
    const { findings } = await check('--repair')
    expect(findings).toMatchObject([
      { flaw: 'misplaced chunks', where: second.key, chunks: 1, outcome: 'repaired' },
      { flaw: 'missing chunks', where: images[0], chunks: 1, outcome: 'repaired' },
    ])
    expect((await check('--read')).findings).toEqual([])
    expect(await servesAll()).toBe(true)
  })

  test('finds a flipped bit only if it reads, and notes it only if it repairs', async () => {
    const { second } = await both()
    await flip(second.path, 1000)
    expect((await check()).findings).toEqual([])
    const bad = { flaw: 'damaged chunks', where: second.key, chunks: 1 }
    expect((await check('--read')).findings).toMatchObject([bad])
    expect((await check()).findings).toEqual([])
    expect((await check('--read', '--repair')).findings).toMatchObject([
      { ...bad, outcome: 'noted' },
      { flaw: 'missing chunks', where: images[1], chunks: 1, outcome: 'left' },
    ])
    expect((await check('--read')).findings).toMatchObject([
      { flaw: 'damaged chunks', where: 'known before', chunks: 1 },
      { flaw: 'missing chunks', where: images[1] },
    ])
  })

  test.each([
    ['a footer of other bytes', (path: string) => flip(path, -3)],
    ['a header of other bytes', (path: string) => flip(path, 2)],
    ['an index of other bytes', (path: string) => flip(path, -200)],
    ['a tail cut off', (path: string) => truncate(path, 1_000_000)],
  ])('names a pack with %s', async (_what, spoil) => {
    const { second } = await both()
    await spoil(second.path)
    expect((await check()).findings).toMatchObject([{ flaw: 'damaged pack', where: second.key }])
  })

  test('names manifests of other bytes and such that cannot be unpacked', async () => {
    await database.sql`
      update manifest set body = (select body from manifest order by id desc limit 1)
      where id = (select min(id) from manifest)`
    await database.sql`
      update manifest set body = '\\x1234' where id = (select max(id) from manifest)`
    expect((await check('--repair')).findings).toMatchObject([
      { flaw: 'damaged manifest', where: images[0], detail: expect.stringContaining('the digest') },
      { flaw: 'damaged manifest', where: images[1], detail: 'it does not decompress' },
    ])
  })

  test('an expired image needs nothing', async () => {
    const { first } = await both()
    await database.sql`update image set storage = 'expired' where name = ${images[0] ?? ''}`
    await database.sql`truncate manifest_chunk`
    await database.sql`delete from chunk where pack = (select id from pack where key = ${first.key})`
    expect((await check('--repair')).findings).toMatchObject([
      { flaw: 'unguarded chunks', where: images[1] },
    ])
  })

  test('with an archive holds that against its own rows, and says where something is wrong', async () => {
    const folder = join(data, '../archive')
    const archived = ['--archive-dir', folder]
    const flags = ['--data', data, '--collect-every', '0', '--collect-grace', '0', ...archived]
    {
      await using portal = await freshPortal(undefined, database, flags)
      const producer = portal.as('producer')
      const [older = ''] = images
      await publish(producer, 'debian-12', noise('newest', 1000))
      await archive(producer, older)
      await watched(producer, older, isArchived)
    }
    expect(await check('--read', ...archived)).toMatchObject({ packs: 4, images: 3, findings: [] })
    // Without it, what is archived needs nothing here.
    expect((await check('--read')).findings).toEqual([])
    const [pack = ''] = await readdir(join(folder, 'packs'))
    await flip(join(folder, 'packs', pack), 1000)
    expect((await check('--read', ...archived)).findings).toMatchObject([
      { flaw: 'damaged chunks', where: `archive: packs/${pack}`, chunks: 1 },
    ])
  })

  test('deltas that are about to be deleted are no strays', async () => {
    await mkdir(join(data, 'chunks/deltas'))
    const key = `deltas/${ulid()}`
    await writeFile(join(data, 'chunks', key), 'x')
    expect((await check()).findings).toMatchObject([{ flaw: 'stray delta', where: key }])
    await database.sql`insert into doomed_pack (key, size_bytes) values (${key}, 1)`
    expect((await check()).findings).toEqual([])
  })

  test('deltas and their objects go one without the other', async () => {
    const rows = await database.sql<{ id: bigint }[]>`select id from manifest order by id`
    const [base = 0n, target = 0n] = rows.map(({ id }) => id)
    await database.sql`insert into delta (target, base) values (${target}, ${base})`
    await database.sql`
      insert into delta_object (target, base, place, key, size_bytes)
      values (${target}, ${base}, 0, 'deltas/gone', 10)`
    const lost = { flaw: 'lost delta', where: 'deltas/gone' }
    expect((await check()).findings).toMatchObject([lost])
    expect((await check('--repair')).findings).toMatchObject([{ ...lost, outcome: 'repaired' }])
    expect((await check()).findings).toEqual([])
  })
})
