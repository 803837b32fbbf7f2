import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ImageFilter } from '../../proto/gen/merge/image/v1/image.ts'
import { freshAgent, writeOut, type FreshAgent } from '../support/agent.ts'
import { aliasCalls } from '../support/aliases.ts'
import { stateOf, watched, type Ended } from '../support/building.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { freshPortal, type Clients } from '../support/portal.ts'
import {
  fatesOf,
  importItem,
  itemsOf,
  putSource,
  scanned,
  scanState,
  sourceText,
} from '../support/sources.ts'

// From a folder where somebody leaves images to images that aliases follow: by the portal's own agent, and by a facility's.

describe('sources', () => {
  const stack = new AsyncDisposableStack()
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let folder: string

  beforeAll(async () => {
    folder = stack.use(await temporaryFolder()).path
    portal = stack.use(await freshPortal())
    producer = portal.as('producer:alice')
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    await agentOf('portal')
  }, 60_000)

  afterAll(() => stack.disposeAsync())

  async function agentOf(facility: string): Promise<FreshAgent> {
    const flags = ['--import', '--import-from', folder]
    return stack.use(await freshAgent(portal, facility, { flags }))
  }

  async function leave(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
  }

  const of = (below: string, fields: Readonly<Record<string, string>> = {}) =>
    sourceText({ place: `{kind: directory, path: ${join(folder, below)}}`, ...fields })

  /** Scans, and waits for what that imports. */
  async function taken(clients: Clients, source: string): Promise<readonly Ended[]> {
    const { builds, message } = await scanned(clients, source)
    expect(message).toBe('')
    return Promise.all(builds.map((build) => watched(clients, build)))
  }

  const disk = randomBytes(300_000)

  test('a file becomes a released image, which says where it came from', async () => {
    await leave('cloud/24.04/amd64/disk-20240601.img', disk)
    await putSource(producer, 'cloud', of('cloud', { release: 'automatic' }))
    const [first] = await taken(producer, 'cloud')
    expect(first?.build).toMatchObject({ message: '', image: 'ubuntu-2404.0-std-x86-20240601' })
    expect(first?.log).toContain('importing 24.04/amd64/disk-20240601.img of cloud')
    const alias = await aliasCalls(producer).follow('cloud', 'ubuntu-2404-std-x86')
    expect(alias.image).toBe('ubuntu-2404.0-std-x86-20240601')
    const image = (await producer.images.getImage({ name: first?.build.image ?? '' })).image
    expect(image?.provenance?.origin).toMatchObject({
      source: 'cloud',
      item: '24.04/amd64/disk-20240601.img',
      url: `file://${folder}/cloud/24.04/amd64/disk-20240601.img`,
    })
    expect(await fatesOf(producer, 'cloud')).toEqual({
      '24.04/amd64/disk-20240601.img': 'imported',
    })
  }, 60_000)

  test('what did not change is not imported again; what did is, and the alias of its line follows', async () => {
    expect(await taken(producer, 'cloud')).toEqual([])
    await leave('cloud/24.04/amd64/disk-20240601.img', randomBytes(200_000))
    await leave('cloud/24.04/amd64/disk-20240815.img', randomBytes(200_000))
    const imported = await taken(producer, 'cloud')
    expect(imported.map(({ build }) => build.image)).toEqual(['ubuntu-2404.0-std-x86-20240815'])
    expect((await aliasCalls(producer).get('cloud')).image).toBe('ubuntu-2404.0-std-x86-20240815')
    expect(await fatesOf(producer, 'cloud')).toEqual({
      '24.04/amd64/disk-20240601.img': 'older',
      '24.04/amd64/disk-20240815.img': 'imported',
    })
  }, 60_000)

  test('a file that has a kernel beside it becomes an image with both', async () => {
    await leave('booted/disk-20240601.img', disk)
    await leave('booted/vmlinuz-6.8.0-31-generic-20240601', randomBytes(90_000))
    const match = { match: '"disk-{date}.img"', kernel: '"vmlinuz-{version}-{date}"' }
    await putSource(producer, 'booted', of('booted', { ...match, line: 'ubuntu-2204-std-x86' }))
    const [made] = await taken(producer, 'booted')
    const image = (await producer.images.getImage({ name: made?.build.image ?? '' })).image
    expect(image?.artifacts.map(({ sizeBytes }) => Number(sizeBytes))).toEqual([300_000, 90_000])
    expect(image?.provenance?.origin?.parts).toMatchObject([
      { kind: 'kernel', name: 'vmlinuz-6.8.0-31-generic-20240601', sizeBytes: 90_000n },
    ])
    expect(await taken(producer, 'booted')).toEqual([])
    await leave('booted/vmlinuz-6.8.0-31-generic-20240601', randomBytes(90_001))
    const [anew] = await taken(producer, 'booted')
    expect(anew?.build.image).toBe(`${made?.build.image ?? ''}.1`)
  }, 60_000)

  test('the same bytes under another name, or packed, are the image that is there', async () => {
    await leave('same/disk-20240601.img', disk)
    await putSource(
      producer,
      'same',
      of('same', { match: '"disk-{date}.*"', line: 'debian-13-std-x86' }),
    )
    const [first] = await taken(producer, 'same')
    await leave('same/disk-20240701.img', disk)
    const [renamed] = await taken(producer, 'same')
    await leave('same/disk-20240801.img.gz', gzipSync(disk))
    const [packed] = await taken(producer, 'same')
    for (const again of [renamed, packed]) {
      expect(again && stateOf(again.build)).toBe('skipped')
      expect(again?.build.unchangedImage).toBe(first?.build.image)
      expect(again?.build.message).toContain(`The bytes are those of ${first?.build.image ?? ''}`)
    }
    expect(await taken(producer, 'same')).toEqual([])
  }, 60_000)

  test('a preview tells what would become of each file, and moves nothing', async () => {
    await leave('seen/24.04/amd64/disk-20240601.img', disk)
    await leave('seen/99.99/amd64/disk-20240601.img', disk)
    await leave('seen/24.04/amd64/disk-20990101.img', disk)
    await leave('seen/README', disk)
    await putSource(producer, 'seen', of('seen'))
    const scan = await scanned(producer, 'seen', true)
    expect(scan).toMatchObject({ builds: [], items: 4 })
    expect(await fatesOf(producer, 'seen')).toEqual({
      README: 'unfit',
      '24.04/amd64/disk-20240601.img': 'wanted',
      '24.04/amd64/disk-20990101.img': 'no_line',
      '99.99/amd64/disk-20240601.img': 'no_line',
    })
    const { builds } = await producer.builds.listBuilds({
      ...{ namespace: '', recipe: '', source: 'seen', state: 0, pageSize: 0, pageToken: '' },
    })
    expect(builds).toEqual([])
  }, 60_000)

  test('hostile files end in errors that say what to do, and leave nothing half-there', async () => {
    const backed = Buffer.alloc(200_000)
    backed.write('QFI\xfb', 'latin1')
    backed.writeUInt32BE(3, 4)
    backed.writeBigUInt64BE(104n, 8)
    backed.writeUInt32BE(11, 16)
    backed.writeUInt32BE(16, 20)
    backed.write('/etc/passwd', 104, 'latin1')
    await leave('bad/a-20240601.qcow2', backed)
    await leave('bad/b-20240601.img', backed)
    await leave('bad/c-20240601.img.gz', gzipSync(Buffer.alloc(80 * 1024 * 1024)))
    await leave('bad/d-20240601.img.gz', gzipSync(disk).subarray(0, 100_000))
    await symlink('/etc/passwd', join(folder, 'bad/e-20240601.img'))
    await leave('bad/f-20240601\n.img', disk)
    const fields = { match: '"{role}-{date}.*"', line: 'lab1/debian-13-{role}-x86', size: '64M' }
    const manager = portal.as('manager:lab1')
    await using _agent = await freshAgent(portal, 'lab1', {
      flags: ['--import', '--import-from', folder],
    })
    await putSource(manager, 'lab1/bad', of('bad', fields))
    const scan = await scanned(manager, 'lab1/bad')
    const fates = (await itemsOf(manager, 'lab1/bad')).filter(({ refused }) => refused !== '')
    expect(fates.map(({ refused }) => refused)).toEqual([
      expect.stringContaining('leads out of the folder'),
      expect.stringContaining('characters that cannot be seen'),
    ])
    const builds = await Promise.all(scan.builds.map((build) => watched(manager, build)))
    expect(builds.map(({ build }) => build.message)).toEqual([
      expect.stringMatching(/backing file/),
      expect.stringMatching(/is qcow2, and not declared so/),
      expect.stringMatching(/more than|unpack/),
      expect.stringMatching(/ends in the middle of its gzip stream/),
    ])
    expect(await readdir(join(_agent.data, 'imports'))).toEqual([])
    const { images } = await manager.images.listImages({
      ...{ pageSize: 0, pageToken: '' },
      filter: { ...anyImage, namespace: 'lab1' },
    })
    expect(images).toEqual([])
    await rm(join(folder, 'bad'), { recursive: true })
  }, 60_000)

  test('a folder that nobody opened is not looked at', async () => {
    await putSource(producer, 'secrets', sourceText({ place: '{kind: directory, path: /etc}' }))
    const scan = await scanned(producer, 'secrets')
    expect(scanState(scan)).toBe('failed')
    expect(scan.message).toContain('/etc lies below no folder that this agent may import from')
  }, 60_000)

  test("a facility's own source fills its own store, and puts nothing into the portal's", async () => {
    const manager = portal.as('manager:lab1')
    const lab = await agentOf('lab1')
    await leave('lab/13/disk-20240601.img', randomBytes(250_000))
    const before = await chunks()
    const fields = { match: '"{release}/disk-{date}.img"', line: 'lab1/debian-{release}-tools-x86' }
    await putSource(manager, 'lab1/lab', of('lab', { ...fields, release: 'automatic' }))
    const [made] = await taken(manager, 'lab1/lab')
    const name = 'lab1/debian-13.0-tools-x86-20240601'
    expect(made?.build).toMatchObject({ message: '', image: name, builder: 'agent:lab1' })
    expect(await chunks()).toBe(before)
    const path = join(folder, 'written')
    await writeOut(lab, name, path)
    expect((await readdir(folder)).includes('written')).toBe(true)
  }, 60_000)

  test('an item is imported when somebody asks, however old it is, and again only if forced', async () => {
    const item = '24.04/amd64/disk-20240601.img'
    const [build] = await importItem(producer, 'cloud', item)
    const made = await watched(producer, build?.name ?? '')
    expect(made.build.image).toBe('ubuntu-2404.0-std-x86-20240601.1')
    await expect(importItem(producer, 'cloud', item)).rejects.toMatchObject({
      reason: 'ITEM_NOT_IMPORTED',
    })
    const [again] = await importItem(producer, 'cloud', item, true)
    expect(stateOf((await watched(producer, again?.name ?? '')).build)).toBe('done')
  }, 60_000)

  test('an importer that dies is followed by the next, which finds nothing of it', async () => {
    await leave('large/disk-20240601.img', randomBytes(48 * 1024 * 1024))
    const fields = { match: '"disk-{date}.img"', line: 'lab2/debian-13-std-x86' }
    const manager = portal.as('manager:lab2')
    await putSource(manager, 'lab2/large', of('large', fields))
    const kept = join(folder, 'kept')
    const flags = ['--import', '--import-from', folder]
    const first = await freshAgent(portal, 'lab2', { data: kept, flags })
    const [name = ''] = (await scanned(manager, 'lab2/large')).builds
    await running(manager, name)
    await first[Symbol.asyncDispose]()
    await leave('kept/imports/left/disk.img', disk)
    await using _second = await freshAgent(portal, 'lab2', { data: kept, flags })
    const { build } = await watched(manager, name)
    expect(build).toMatchObject({ message: '', image: 'lab2/debian-13.0-std-x86-20240601' })
    expect(await readdir(join(kept, 'imports'))).not.toContain('left')
  }, 60_000)

  /** Resolves once an agent has the build. */
  async function running({ builds }: Clients, name: string): Promise<void> {
    const stop = new AbortController()
    const news = builds.watchBuild({ name, logOffset: 0n }, { signal: stop.signal })
    for await (const { build } of news) {
      if (build !== undefined && stateOf(build) !== 'queued') return
    }
  }

  async function chunks(): Promise<number> {
    const [row] = await portal.sql<{ count: number }[]>`select count(*)::int as count from chunk`
    return row?.count ?? 0
  }
})

const anyImage = ImageFilter.create()
