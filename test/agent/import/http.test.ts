import { createHash } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openOrigin } from '../../../agent/import/open.ts'
import type { Item } from '../../../agent/import/origin.ts'
import type { HttpPlace } from '../../../lib/sources/place.ts'
import { originContract, type Scene } from '../../contracts/origins.ts'
import { type Certificate, certificateFor } from '../../support/certificate.ts'
import { type GnuPG, startGnuPG } from '../../support/gnupg.ts'
import { bytesOf, importDeps, never } from '../../support/importing.ts'
import { type Nginx, startNginx } from '../../support/nginx.ts'
import { storyWith } from '../../support/tools.ts'

const sumOf = (bytes: Buffer, algorithm = 'sha256'): string =>
  createHash(algorithm).update(bytes).digest('hex')

async function scene(): Promise<Scene> {
  const nginx = await startNginx()
  const list = join(nginx.root, 'SHA256SUMS')
  let sum = ''
  return {
    endpoint: `http://127.0.0.1:${nginx.port}`,
    name: 'debian 13?.qcow2',
    place: (endpoint) => ({ kind: 'http', url: `${endpoint}/`, sums: 'SHA256SUMS' }),
    async offer(bytes) {
      sum = sumOf(bytes)
      await writeFile(join(nginx.root, 'debian 13?.qcow2'), bytes)
      await writeFile(list, `${sum} *debian 13?.qcow2\n`)
    },
    withdraw: () => rm(join(nginx.root, 'debian 13?.qcow2')),
    async offerNamed(names) {
      const lines = names.map((name, at) => `${String(at).padStart(64, '0')}  ${name}\n`)
      await writeFile(list, `${sum}  debian 13?.qcow2\n${lines.join('')}`)
    },
    isFile: ({ path }) => path.endsWith('.qcow2'),
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  }
}

storyWith('a web server', ['nginx'])('a folder with a list of checksums', () => {
  originContract(scene, { endless: 'ITEM_TOO_LARGE' })
})

storyWith('a web server and GnuPG', ['nginx', 'gpg', 'openssl'])('a signed list over TLS', () => {
  const bytes = Buffer.from('a disk')
  let nginx: Nginx
  let gnupg: GnuPG
  let tls: Certificate
  let key = ''
  let other = ''
  const place = (sums: string, others: Partial<HttpPlace> = {}): HttpPlace => ({
    kind: 'http',
    url: `https://localhost:${nginx.port}/images`,
    sums,
    ...others,
  })
  const itemsOf = async (where: HttpPlace): Promise<readonly Item[]> => {
    await using origin = await openOrigin(
      where,
      importDeps({ ca: tls.cert, now: () => new Date() }),
    )
    return await origin.items(never)
  }

  beforeAll(async () => {
    tls = await certificateFor('DNS:localhost')
    nginx = await startNginx(tls)
    gnupg = await startGnuPG()
    ;({ key, other } = gnupg)
    await mkdir(join(nginx.root, 'images'))
    await writeFile(join(nginx.root, 'images/disk.raw'), bytes)
  }, 60_000)
  afterAll(async () => {
    await gnupg[Symbol.asyncDispose]()
    await nginx[Symbol.asyncDispose]()
  })

  const signed = async (ending: string, ...how: readonly string[]): Promise<string> => {
    const list = join(nginx.root, 'images', `SUMS${ending}`)
    await writeFile(list, `${sumOf(bytes)}  disk.raw\n`)
    const out = how.includes('--clearsign') ? `${list}.inline` : `${list}${ending}`
    await gnupg.sign(list, out, ...how)
    return how.includes('--clearsign') ? `SUMS${ending}.inline` : `SUMS${ending}`
  }

  test.each([
    ['.gpg', ['--detach-sign']],
    ['.sig', ['--detach-sign']],
    ['.asc', ['--detach-sign', '--armor']],
    ['.sign', ['--detach-sign', '--armor']],
    ['', ['--clearsign']],
  ])('is believed with a signature in %s', async (ending, how) => {
    const sums = await signed(ending, ...how)
    expect(await itemsOf(place(sums, { key }))).toMatchObject([
      { name: 'disk.raw', sha256: sumOf(bytes) },
    ])
    await expect(itemsOf(place(sums, { key: other }))).rejects.toMatchObject({
      reason: 'ITEM_CORRUPT',
      message: expect.stringContaining('is not signed by the key of the source'),
    })
  })

  test('is not believed once somebody changed it', async () => {
    const sums = await signed('.gpg', '--detach-sign')
    await writeFile(join(nginx.root, 'images', sums), `${sumOf(Buffer.from('x'))}  disk.raw\n`)
    await expect(itemsOf(place(sums, { key }))).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
  })

  test('is not believed after its key has run out', async () => {
    const sums = await signed('.gpg', '--detach-sign')
    const late = new Date(Date.now() + 2 * 365 * 24 * 3600 * 1000)
    await using origin = await openOrigin(
      place(sums, { key }),
      importDeps({ ca: tls.cert, now: () => late }),
    )
    await expect(origin.items(never)).rejects.toMatchObject({
      message: expect.stringContaining('has run out'),
    })
  })

  test('is asked for where there is none, and a key that is none is told', async () => {
    await writeFile(join(nginx.root, 'images/PLAIN'), `${sumOf(bytes)}  disk.raw\n`)
    await expect(itemsOf(place('PLAIN', { key }))).rejects.toMatchObject({
      message: expect.stringContaining('has no signature'),
    })
    await expect(
      itemsOf(place(await signed('', '--clearsign'), { key: 'no key' })),
    ).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    })
  })

  test('has checksums of 512 bits, and of BSD, and comments', async () => {
    const lines = [
      '# disk.raw: 6 bytes',
      `SHA256 (disk.raw) = ${sumOf(bytes)}`,
      `${sumOf(bytes, 'sha512')}  ./again.raw`,
      `\\${'1'.repeat(64)}  back\\\\slash`,
    ]
    await writeFile(join(nginx.root, 'images/CHECKSUM'), lines.join('\r\n'))
    await writeFile(join(nginx.root, 'images/again.raw'), bytes)
    await using origin = await openOrigin(place('CHECKSUM'), importDeps({ ca: tls.cert }))
    const [disk, again, slash] = await origin.items(never)
    expect(disk).toMatchObject({ name: 'disk.raw', version: `sha256:${sumOf(bytes)}` })
    expect(again).toMatchObject({ name: 'again.raw', version: `sha512:${sumOf(bytes, 'sha512')}` })
    expect(slash?.refused?.reason).toBe('INVALID_NAME')
    expect(await bytesOf(origin, again)).toEqual(bytes)
    await writeFile(join(nginx.root, 'images/again.raw'), 'others')
    await expect(bytesOf(origin, again)).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
  })

  test('is not asked for without the authority that its server has', async () => {
    await using origin = await openOrigin(place('SUMS'), importDeps())
    await expect(origin.items(never)).rejects.toMatchObject({
      reason: 'UNREACHABLE',
      message: expect.stringContaining('--import-ca'),
    })
  })
})
