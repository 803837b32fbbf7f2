import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { kinds } from '../../lib/content/manifest.ts'
import { ImageFilter, type Image } from '../../proto/gen/merge/image/v1/image.ts'
import { freshAgent, type FreshAgent } from '../support/agent.ts'
import { watched, type Ended } from '../support/building.ts'
import { until } from '../support/daemon.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startNginx, type Nginx } from '../support/nginx.ts'
import { freshPortal, type Clients } from '../support/portal.ts'
import { offerOf, writeTree, type Offered } from '../support/simplestreams.ts'
import { fatesOf, itemsOf, putSource, scanned, sourceText } from '../support/sources.ts'
import { storyWith } from '../support/tools.ts'

// A server offers a disk with its kernel and its initramfs; a facility imports all of them as one image, or none.

storyWith('a web server', ['nginx'])('a disk with a kernel', () => {
  const stack = new AsyncDisposableStack()
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let manager: Clients
  let nginx: Nginx
  let place: string
  let lab: FreshAgent

  const bytes: Record<string, Buffer> = {
    'disk1.img': randomBytes(300_000),
    vmlinuz: randomBytes(120_000),
    initrd: randomBytes(150_000),
  }
  const product = 'com.ubuntu.cloud:server:24.04:amd64/20240423'
  const fields = {
    match: `"com.ubuntu.cloud:server:{release}:{arch}/{date}/disk1.img"`,
    kernel: `"com.ubuntu.cloud:server:{release}:{arch}/{date}/vmlinuz"`,
    initramfs: `"com.ubuntu.cloud:server:{release}:{arch}/{date}/initrd"`,
    release: 'automatic',
  }

  beforeAll(async () => {
    nginx = stack.use(await startNginx())
    place = join(stack.use(await temporaryFolder()).path, 'images')
    portal = stack.use(await freshPortal())
    manager = portal.as('manager:lab1')
    await makeFacilities(portal.as('admin'), 'lab1')
    const flags = ['--import', '--import-inside', '127.0.0.1', '--project', place]
    lab = stack.use(await freshAgent(portal, 'lab1', { flags }))
    await offer()
    await put('cloud', 'cloud')
  }, 60_000)

  afterAll(() => stack.disposeAsync())

  const put = (name: string, role: string) =>
    putSource(
      manager,
      `lab1/${name}`,
      sourceText({
        ...fields,
        place: `{kind: simplestreams, url: "http://127.0.0.1:${nginx.port}"}`,
        line: `lab1/ubuntu-{release}-${role}-{arch}`,
      }),
    )

  const fileOf = (item: string) => `noble/${item}`

  /** Puts the files there, and a list that says of them what is true, or something else. */
  async function offer(otherwise: Readonly<Record<string, Partial<Offered> | undefined>> = {}) {
    const items = Object.entries(bytes)
      .filter(([item]) => !(item in otherwise) || otherwise[item] !== undefined)
      .map(([item, data]) => [item, { ...offerOf(item, fileOf(item), data), ...otherwise[item] }])
    const files = Object.entries(bytes).map(([item, data]) => [fileOf(item), data])
    await writeTree(
      nginx.root,
      Object.fromEntries(items) as Record<string, Offered>,
      Object.fromEntries(files) as Record<string, Buffer>,
    )
  }

  async function taken(name: string): Promise<readonly Ended[]> {
    const { builds, message } = await scanned(manager, `lab1/${name}`)
    expect(message).toBe('')
    return Promise.all(builds.map((build) => watched(manager, build)))
  }

  async function imageOf(name: string): Promise<Image> {
    const { image } = await manager.images.getImage({ name })
    if (image === undefined) throw new Error(`no ${name} came back`)
    return image
  }

  const sums = ({ artifacts }: Image) =>
    Object.fromEntries(artifacts.map(({ kind, sha256 }) => [kinds[kind - 1] ?? '', sha256]))
  const sumOf = (data: Buffer | undefined) =>
    `sha256:${createHash('sha256')
      .update(data ?? '')
      .digest('hex')}`
  const sumsOfAll = () => ({
    rootfs: sumOf(bytes['disk1.img']),
    kernel: sumOf(bytes['vmlinuz']),
    initramfs: sumOf(bytes['initrd']),
  })

  const first = 'lab1/ubuntu-2404.0-cloud-x86-20240423'
  const anew = `${first}.1`

  test('becomes one image that has all of them, and says where they came from', async () => {
    const [made] = await taken('cloud')
    expect(made?.build).toMatchObject({ message: '', image: first })
    expect(sums(await imageOf(first))).toEqual(sumsOfAll())
    expect(made?.build.origin?.parts).toMatchObject([
      { kind: 'kernel', name: `${product}/vmlinuz`, version: sumOf(bytes['vmlinuz']) },
      { kind: 'initramfs', name: `${product}/initrd`, version: sumOf(bytes['initrd']) },
    ])
    expect(await fatesOf(manager, 'lab1/cloud')).toEqual({
      [`${product}/disk1.img`]: 'imported',
      [`${product}/vmlinuz`]: 'part',
      [`${product}/initrd`]: 'part',
    })
  }, 60_000)

  test('is laid out with its kernel and its initramfs where the imaging service looks', async () => {
    const files = ['rootfs', 'kernel', 'initramfs'].map((file) => `${first}-${file}`)
    for (const boot of ['bios', 'efi']) {
      for (const [at, item] of ['disk1.img', 'vmlinuz', 'initrd'].entries()) {
        const path = join(place, boot, files[at] ?? '')
        await until(path, async () => (await readFile(path).catch(() => undefined)) !== undefined)
        expect((await readFile(path)).equals(bytes[item] ?? Buffer.alloc(0))).toBe(true)
      }
    }
  }, 60_000)

  test('is not imported again while nothing changed, and is when its kernel alone did', async () => {
    expect(await taken('cloud')).toEqual([])
    bytes['vmlinuz'] = randomBytes(110_000)
    await offer()
    const [made] = await taken('cloud')
    expect(made?.build).toMatchObject({ message: '', image: anew })
    expect(sums(await imageOf(anew))).toEqual(sumsOfAll())
    expect(await taken('cloud')).toEqual([])
  }, 60_000)

  test('waits, as the list of items tells, while its kernel is not there', async () => {
    await put('waiting', 'wait')
    await offer({ vmlinuz: undefined })
    expect(await taken('waiting')).toEqual([])
    const [disk] = (await itemsOf(manager, 'lab1/waiting')).filter(({ name }) =>
      name.endsWith('disk1.img'),
    )
    expect(disk).toMatchObject({ reason: 'nothing that is there is its kernel', target: '' })
    expect(await fatesOf(manager, 'lab1/waiting')).toEqual({
      [`${product}/disk1.img`]: 'incomplete',
      [`${product}/initrd`]: 'part',
    })
    const asked = { requestId: crypto.randomUUID(), source: 'lab1/waiting', reason: '' }
    const item = `${product}/disk1.img`
    await expect(
      manager.sources.importImage({ ...asked, item, force: true }),
    ).rejects.toMatchObject({ reason: 'ITEM_NOT_IMPORTED' })
    await offer()
    const [made] = await taken('waiting')
    expect(made?.build.image).toBe('lab1/ubuntu-2404.0-wait-x86-20240423')
  }, 60_000)

  test.each([
    ['has other bytes', { vmlinuz: { sha256: '1'.repeat(64) } }, /checksum/],
    ['goes on', { vmlinuz: { size: 1000 } }, /goes on after 1000 bytes/],
    ['ends early', { initrd: { size: 1_000_000 } }, /ends after 150000/],
    ['is not there', { vmlinuz: { path: 'noble/none' } }, /is not there \(404\)/],
    ['leads elsewhere', { vmlinuz: { path: '../../etc/passwd' } }, /leads elsewhere/],
    ['is too large', { vmlinuz: { size: 2 * 1024 ** 3 } }, /the most that a kernel/],
    ['is a disk of another format', {}, /is qcow2, not raw/],
  ])(
    'whose kernel or initramfs %s is no image',
    async (what, otherwise, why) => {
      const kernel = bytes['vmlinuz'] ?? Buffer.alloc(0)
      if (what.startsWith('is a disk'))
        bytes['vmlinuz'] = Buffer.from(`QFI\u00fb${'x'.repeat(600)}`, 'latin1')
      const name = what.replaceAll(' ', '-')
      await put(name, 'bad')
      await offer(otherwise)
      bytes['vmlinuz'] = kernel
      const [made] = await taken(name)
      expect(made?.build).toMatchObject({ message: expect.stringMatching(why) })
      expect(await readdir(join(lab.data, 'imports'))).toEqual([])
      const filter = { ...anyImage, namespace: 'lab1', role: 'bad' }
      const { images } = await manager.images.listImages({ pageSize: 0, pageToken: '', filter })
      expect(images).toEqual([])
      const laid = await readdir(place, { recursive: true })
      expect(laid.filter((path) => path.includes('-bad-'))).toEqual([])
    },
    60_000,
  )

  test('whose kernel changes between looking and fetching is no image', async () => {
    await offer()
    await put('changing', 'bad')
    const { builds: none } = await scanned(manager, 'lab1/changing', true)
    expect(none).toEqual([])
    await rm(join(nginx.root, fileOf('vmlinuz')))
    await writeFile(join(nginx.root, fileOf('vmlinuz')), bytes['vmlinuz'] ?? '')
    await truncate(join(nginx.root, fileOf('vmlinuz')), 5000)
    const asked = { requestId: crypto.randomUUID(), source: 'lab1/changing', reason: '' }
    const { builds } = await manager.sources.importImage({ ...asked, item: '', force: false })
    const { build } = await watched(manager, builds[0]?.name ?? '')
    expect(build.message).toMatch(/ends after 5000|broke the connection|checksum/)
    expect(await readdir(join(lab.data, 'imports'))).toEqual([])
  }, 60_000)
})

const anyImage = ImageFilter.create()
