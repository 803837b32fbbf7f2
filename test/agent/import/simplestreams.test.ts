import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { openOrigin } from '../../../agent/import/open.ts'
import { originContract, type Scene } from '../../contracts/origins.ts'
import { type GnuPG, startGnuPG } from '../../support/gnupg.ts'
import { bytesOf, importDeps, never } from '../../support/importing.ts'
import { type Nginx, startNginx } from '../../support/nginx.ts'
import {
  indexPath,
  type Offered,
  offerOf,
  productsPath,
  writeTree,
} from '../../support/simplestreams.ts'
import { storyWith } from '../../support/tools.ts'

const path = 'server/releases/noble/ubuntu 24.04#amd64.img'
const name = 'com.ubuntu.cloud:server:24.04:amd64/20240423/disk1.img'

async function scene(): Promise<Scene> {
  const nginx = await startNginx()
  let disk: Offered | undefined
  return {
    ...{ name },
    endpoint: `http://127.0.0.1:${nginx.port}`,
    place: (url) => ({ kind: 'simplestreams', url }),
    async offer(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      disk = { ftype: 'disk1.img', path, size: bytes.length, sha256 }
      await writeTree(nginx.root, { 'disk1.img': disk }, { [path]: bytes })
    },
    withdraw: () => rm(join(nginx.root, path)),
    async offerNamed(names) {
      const hostile = names.map((word) => [
        word,
        { ftype: 'disk', path: 'x', sha256: '0'.repeat(64) },
      ])
      const items = Object.fromEntries(hostile) as Record<string, Offered>
      await writeTree(nginx.root, {
        ...items,
        ...(disk === undefined ? {} : { 'disk1.img': disk }),
      })
    },
    isFile: (passing) => passing.path.endsWith('.img'),
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  }
}

storyWith('a web server', ['nginx'])('simplestreams', () => {
  originContract(scene)

  test('say of an item what all around it says', async () => {
    await using nginx = await startNginx()
    const item = { ftype: 'disk1.img', path, size: 6, sha256: '0'.repeat(64) }
    await writeTree(nginx.root, { 'disk1.img': item })
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}` } as const
    await using origin = await openOrigin(place, importDeps())
    const fields = {
      ...{ product: 'com.ubuntu.cloud:server:24.04:amd64', version: '20240423', item: 'disk1.img' },
      ...{ arch: 'amd64', os: 'ubuntu', release: 'noble', release_version: '24.04' },
      ...{ ftype: 'disk1.img', label: 'release' },
    }
    expect(await origin.items(never)).toEqual([
      {
        name,
        version: `sha256:${item.sha256}`,
        sha256: item.sha256,
        sizeBytes: 6n,
        fields: expect.objectContaining(fields),
      },
    ])
  })

  test('whose path leads elsewhere are not followed', async () => {
    await using nginx = await startNginx()
    const paths = ['../../secret', 'https://127.0.0.2/x', '/etc/passwd', '//127.0.0.2/x']
    const items = paths.map((path, at) => [`item${at}`, { ftype: 'disk', path, size: 6 }])
    await writeTree(nginx.root, Object.fromEntries(items) as Record<string, Offered>)
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}` } as const
    await using origin = await openOrigin(place, importDeps())
    const found = await origin.items(never)
    expect(found).toHaveLength(paths.length)
    for (const item of found) {
      await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'INVALID_NAME' })
    }
  })

  test.each([
    ['no JSON', 'nonsense', /is no JSON/],
    ['another shape', '{"index": {"a": 5}}', /is not as it should be: index.a/],
    ['a list too long', `"${'x'.repeat(65 * 1024 * 1024)}"`, /too long for a list/],
  ])('that are %s are told', async (_, text, message) => {
    await using nginx = await startNginx()
    await mkdir(join(nginx.root, 'streams/v1'), { recursive: true })
    await writeFile(join(nginx.root, 'streams/v1/index.json'), text)
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}` } as const
    await using origin = await openOrigin(place, importDeps())
    await expect(origin.items(never)).rejects.toMatchObject({
      reason: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    })
  })
})

storyWith('a web server and GnuPG', ['nginx', 'gpg'])('signed simplestreams', () => {
  const bytes = Buffer.from('a disk')
  const disk = offerOf('disk1.img', path, bytes)
  let nginx: Nginx
  let gnupg: GnuPG

  beforeAll(async () => {
    gnupg = await startGnuPG()
  }, 60_000)
  afterAll(async () => {
    await gnupg[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    nginx = await startNginx()
    await writeTree(nginx.root, { 'disk1.img': disk }, { [path]: bytes })
  })
  afterEach(async () => {
    await nginx[Symbol.asyncDispose]()
  })

  const look = async (key = gnupg.key, now = new Date()) => {
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}`, key } as const
    await using origin = await openOrigin(place, importDeps({ now: () => now }))
    return await origin.items(never)
  }
  const at = (list: string) => join(nginx.root, list)
  const inline = async (list: string) => {
    await gnupg.sign(at(list), at(list.replace('.json', '.sjson')), '--clearsign')
    await rm(at(list))
  }
  const beside = (list: string) => gnupg.sign(at(list), at(`${list}.gpg`), '--detach-sign')
  test.each([
    ['inside', inline, inline],
    ['beside them', beside, beside],
    ['once this and once that way', inline, beside],
  ])('are believed with signatures %s', async (_, signIndex, signList) => {
    await signIndex(indexPath)
    await signList(productsPath)
    expect(await look()).toMatchObject([{ name, sha256: disk.sha256 }])
    await expect(look(gnupg.other)).rejects.toMatchObject({
      reason: 'ITEM_CORRUPT',
      message: expect.stringContaining('is not signed by the key of the source'),
    })
    const late = new Date(Date.now() + 2 * 365 * 24 * 3600 * 1000)
    await expect(look(gnupg.key, late)).rejects.toMatchObject({
      message: expect.stringContaining('has run out'),
    })
  })

  test('are believed where the index leads to a list that is signed inside', async () => {
    const index = await readFile(at(indexPath), 'utf8')
    const signed = productsPath.replace('.json', '.sjson')
    await writeFile(at(indexPath), index.replace(productsPath, signed))
    await inline(indexPath)
    await inline(productsPath)
    expect(await look()).toHaveLength(1)
  })

  test.each([
    ['neither', [], indexPath],
    ['the index alone', [indexPath], productsPath],
    ['the list alone', [productsPath], indexPath],
  ])('are not believed where %s is signed', async (_, lists, unsigned) => {
    for (const list of lists) await beside(list)
    await expect(look()).rejects.toMatchObject({
      reason: 'SOURCE_UNREADABLE',
      message: expect.stringContaining(`${unsigned} has no signature`),
    })
  })

  test.each([
    [indexPath, '.json', beside],
    [productsPath, '.json', beside],
    [indexPath, '.sjson', inline],
    [productsPath, '.sjson', inline],
  ])('are not believed once somebody changed %s, signed as %s', async (list, ending, sign) => {
    for (const each of [indexPath, productsPath]) await sign(each)
    const changed = at(list.replace('.json', ending))
    const text = await readFile(changed, 'utf8')
    await writeFile(changed, text.replace('noble', 'zesty').replace('index:1.0', 'index:1.1'))
    await expect(look()).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
  })

  test('are not believed under a name that promises a signature inside, without one', async () => {
    for (const each of [indexPath, productsPath]) await beside(each)
    await copyFile(at(indexPath), at(indexPath.replace('.json', '.sjson')))
    await expect(look()).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
  })

  test('say nothing of what is written around the part that is signed', async () => {
    await inline(indexPath)
    await inline(productsPath)
    const list = at(productsPath.replace('.json', '.sjson'))
    await writeFile(list, `${await readFile(list, 'utf8')}{"products": {"other": {}}}\n`)
    expect(await look()).toMatchObject([{ name }])
  })

  test('offer no file whose checksum is not in the list, because nobody signed its bytes', async () => {
    const { ftype, size } = disk
    await writeTree(nginx.root, { 'disk1.img': { ftype, path, size: size ?? 0 } }, {})
    for (const each of [indexPath, productsPath]) await beside(each)
    const { key } = gnupg
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}`, key } as const
    await using origin = await openOrigin(place, importDeps({ now: () => new Date() }))
    const [item] = await origin.items(never)
    expect(item?.refused?.message).toContain('nobody signed its bytes')
    await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'SOURCE_UNREADABLE' })
  })
})
