import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { ulid } from 'ulid'
import { type BucketOptions, openBucket } from '../../../lib/chunks/bucket.ts'
import { packStore } from '../../../lib/chunks/packs.ts'
import { blobStoreContract } from '../../contracts/blobstore.ts'
import { chunkStoreContract } from '../../contracts/chunkstore.ts'
import { collect, noise } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'
import '../../support/realm.ts'
import { overwriting } from '../../support/overwriting.ts'
import { placesInMemory } from '../../support/places.ts'
import { type Mishap, startProxy } from '../../support/proxy.ts'
import { deny, newBucket, newFolder, type S3, s3Server, swiftServer } from '../../support/s3.ts'

type Fresh = () => Promise<BucketOptions & Partial<AsyncDisposable>>

function opener(fresh: Fresh) {
  return async () => {
    const options = await fresh()
    const blobs = await openBucket(options)
    const close = async () => {
      await blobs[Symbol.asyncDispose]()
      await options[Symbol.asyncDispose]?.()
    }
    return { blobs, [Symbol.asyncDispose]: close }
  }
}

/** Both contracts, over buckets that `fresh` makes. */
function contracts(name: string, fresh: Fresh): void {
  const open = opener(fresh)
  blobStoreContract(name, open)
  chunkStoreContract(`packs in ${name}`, async () => {
    const { blobs, [Symbol.asyncDispose]: close } = await open()
    const store = packStore({ blobs, index: placesInMemory(), newId: ulid, packBytes: 500_000 })
    return { store, [Symbol.asyncDispose]: close }
  })
}

async function againstCeph(s3: S3): Promise<void> {
  const shared = await newBucket(s3)
  contracts('a bucket of Ceph', () => Promise.resolve(newFolder(shared)))
  const overwritten = opener(() => overwriting(newFolder(shared)))
  blobStoreContract('a bucket whose server overwrites', overwritten)
  refusals(s3, shared)

  describe('a bucket', () => {
    test('knows that its server refuses to overwrite, and leaves nothing of the probe', async () => {
      const options = await newBucket(s3)
      await using blobs = await openBucket({ ...options, prefix: '' })
      expect(blobs.abilities).toEqual({ conditionalPut: 'honoured' })
      expect(await collect(blobs.list('probe/'))).toEqual([])
    })

    test('knows that its server ignores the condition', async () => {
      const options = await overwriting(newFolder(shared))
      await using blobs = await openBucket(options)
      expect(blobs.abilities).toEqual({ conditionalPut: 'ignored' })
      expect(await collect(blobs.list('probe/'))).toEqual([])
      await options[Symbol.asyncDispose]()
    })

    test('leaves nothing of a probe that fails', async () => {
      const options = newFolder(shared)
      await using proxy = await startProxy(s3.endpoint, ({ method, path }) =>
        method === 'GET' && path.includes('/probe/')
          ? { kind: 'answer', status: 403, name: 'AccessDenied' }
          : undefined,
      )
      const opened = openBucket({ ...options, endpoint: proxy.endpoint })
      await expect(opened).rejects.toThrow(/s3:GetObject/)
      await using blobs = await openBucket(options)
      expect(await collect(blobs.list('probe/'))).toEqual([])
    })

    test.each(['ListBucket', 'GetObject', 'PutObject', 'DeleteObject'] as const)(
      'that may not %s says which permission is missing',
      async (operation) => {
        const options = await newBucket(s3)
        await deny(options, operation)
        await expect(openBucket(options)).rejects.toMatchObject({
          reason: 'NOT_READY',
          message: expect.stringContaining(`the permission s3:${operation}`),
        })
      },
    )

    test('keeps to its prefix', async () => {
      const options = newFolder(shared)
      await using one = await openBucket({ ...options, prefix: `${options.prefix}one/` })
      await using two = await openBucket({ ...options, prefix: `${options.prefix}two/` })
      await one.put('packs/A', [Buffer.from('1')])
      await two.put('packs/A', [Buffer.from('22')])
      expect(await collect(two.list('packs/'))).toEqual([{ key: 'packs/A', sizeBytes: 2 }])
    })

    test('lists more than a page', async () => {
      await using blobs = await openBucket(newFolder(shared))
      const keys = Array.from({ length: 1005 }, (_, i) => `packs/${String(i).padStart(4, '0')}`)
      for (let at = 0; at < keys.length; at += 50) {
        await Promise.all(keys.slice(at, at + 50).map((key) => blobs.put(key, [Buffer.from('x')])))
      }
      expect((await collect(blobs.list('packs/'))).map(({ key }) => key)).toEqual(keys)
    })
  })
}

const bytes = noise('pack', 1_000_000)
const quick = { attempts: 4, firstMs: 1, mostMs: 4 }

async function ownCertificate() {
  await using folder = await temporaryFolder()
  const [key, cert] = [`${folder.path}/key`, `${folder.path}/cert`]
  const what = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    ...kind,
    '-keyout',
    key,
    '-out',
    cert,
    ...what,
  ])
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}

function refusals(s3: S3, shared: BucketOptions): void {
  describe('a bucket that cannot be used', () => {
    const old = process.env
    const missing = {
      AWS_ACCESS_KEY_ID: '',
      AWS_EC2_METADATA_DISABLED: 'true',
      HOME: '/nonexistent',
    }
    const wrong: readonly [string, Partial<BucketOptions>, string, RegExp][] = [
      ['is not there', { bucket: 'no-such-bucket' }, 'NOT_READY', /is not there: create it/],
      [
        'does not know the key',
        { credentials: { accessKeyId: 'nobody', secretAccessKey: 'testtest' } },
        'NOT_READY',
        /check AWS_ACCESS_KEY_ID/,
      ],
      [
        'finds the secret wrong',
        { credentials: { accessKeyId: 'test', secretAccessKey: 'x' } },
        'NOT_READY',
        /check AWS_SECRET_ACCESS_KEY/,
      ],
      [
        'cannot be reached',
        { endpoint: 'http://127.0.0.1:9' },
        'UNREACHABLE',
        /ECONNREFUSED, 4 times.*check --s3-endpoint/,
      ],
      [
        'has no address',
        { endpoint: 'http://no-such-host.invalid' },
        'UNREACHABLE',
        /check --s3-endpoint/,
      ],
    ]
    test.each(wrong)(
      'because it %s says so, and what to do',
      async (_, options, reason, message) => {
        const opened = openBucket({ ...newFolder(shared), patience: quick, ...options })
        await expect(opened).rejects.toMatchObject({
          kind: 'unavailable',
          reason,
          message: expect.stringMatching(message),
        })
      },
    )

    test('takes its credentials from the environment, or says that there are none', async () => {
      const { credentials, ...options } = newFolder(shared)
      try {
        process.env = { ...old, ...missing }
        await expect(openBucket(options)).rejects.toThrow(/set AWS_ACCESS_KEY_ID and/)
        const { accessKeyId: id = '', secretAccessKey: key = '' } = credentials ?? {}
        process.env = { ...old, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: key }
        await using bucket = await openBucket(options)
        expect(await bucket.stat('packs/A')).toBeUndefined()
      } finally {
        process.env = old
      }
    })

    test('whose server has a certificate of its own is believed with --s3-ca only', async () => {
      const tls = await ownCertificate()
      await using proxy = await startProxy(s3.endpoint, () => undefined, tls)
      const options = { ...newFolder(shared), endpoint: proxy.endpoint, patience: quick }
      await expect(openBucket(options)).rejects.toThrow(/not trusted here .*: --s3-ca names its CA/)
      await using bucket = await openBucket({ ...options, ca: tls.cert })
      await bucket.put('packs/A', [bytes])
      expect(await bucket.range('packs/A', 0, bytes.length)).toHaveLength(bytes.length)
    })

    test('whose server has another time learns it, and says so where it cannot', async () => {
      const options = { ...newFolder(shared), patience: quick }
      const { now } = Date
      const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
      try {
        await using bucket = await openBucket(options)
        expect(await bucket.stat('packs/A')).toBeUndefined()
        const value = new Date(now() + 3_600_000).toUTCString()
        const mishap: Mishap = { kind: 'header', name: 'date', value }
        await using proxy = await startProxy(s3.endpoint, () => mishap)
        const opened = openBucket({ ...options, endpoint: proxy.endpoint })
        await expect(opened).rejects.toThrow(/set the clock/)
      } finally {
        clock.mockRestore()
      }
    })
  })
}

async function againstSwift(s3: S3): Promise<void> {
  const shared = await newBucket(s3)
  contracts('a bucket of Swift', () => Promise.resolve(newFolder(shared)))

  test('a bucket of Swift knows that it has no conditional put, and leaves nothing of the probe', async () => {
    await using blobs = await openBucket(newFolder(shared))
    expect(blobs.abilities).toEqual({ conditionalPut: 'unsupported' })
    expect(await collect(blobs.list('probe/'))).toEqual([])
  })
}

const [ceph, swift] = await Promise.all([s3Server(), swiftServer()])
afterAll(async () => {
  await ceph?.[Symbol.asyncDispose]()
  await swift?.[Symbol.asyncDispose]()
})
if (ceph !== undefined) await againstCeph(ceph)
if (swift !== undefined) await againstSwift(swift)
