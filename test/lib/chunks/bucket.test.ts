import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { type BucketOptions, openBucket } from '../../../lib/chunks/bucket.ts'
import { packStore } from '../../../lib/chunks/packs.ts'
import { blobStoreContract } from '../../contracts/blobstore.ts'
import { chunkStoreContract } from '../../contracts/chunkstore.ts'
import { collect } from '../../support/chunks.ts'
import '../../support/realm.ts'
import { placesInMemory } from '../../support/places.ts'
import { newBucket, type S3, s3Server } from '../../support/s3.ts'

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/** Passes connections on, and cuts the one whose request matches when the answer comes. */
async function cutting(s3: S3, matches: (request: string) => boolean) {
  const target = new URL(s3.endpoint)
  const sockets = new Set<Socket>()
  let cut = 0
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    let last = ''
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined))
    near.on('data', (data) => {
      last += data.toString('latin1')
      far.write(data)
    })
    far.on('data', (data) => {
      if (cut === 0 && matches(last) && data.includes('200 OK')) {
        cut++
        near.destroy()
      } else near.write(data)
      last = ''
    })
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  const endpoint = `http://127.0.0.1:${await portOf(server)}`
  return {
    endpoint,
    cuts: () => cut,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) =>
        server.close(() => {
          resolve()
        }),
      )
    },
  }
}

function againstServer(s3: S3): void {
  blobStoreContract('a bucket', async () => {
    const blobs = await openBucket(await newBucket(s3))
    return { blobs, [Symbol.asyncDispose]: () => blobs[Symbol.asyncDispose]() }
  })

  chunkStoreContract('packs in a bucket', async () => {
    const blobs = await openBucket(await newBucket(s3))
    const store = packStore({ blobs, index: placesInMemory(), newId: ulid, packBytes: 500_000 })
    return { store, [Symbol.asyncDispose]: () => blobs[Symbol.asyncDispose]() }
  })

  describe('a bucket', () => {
    test('knows that its server refuses to overwrite, and leaves nothing of the probe', async () => {
      const options = await newBucket(s3)
      await using blobs = await openBucket({ ...options, prefix: '' })
      expect(blobs.refusesOverwrite).toBe(true)
      expect(await collect(blobs.list('probe/'))).toEqual([])
    })

    test('keeps to its prefix', async () => {
      const options = await newBucket(s3)
      await using one = await openBucket({ ...options, prefix: 'one/' })
      await using two = await openBucket({ ...options, prefix: 'two/' })
      await one.put('packs/A', [Buffer.from('1')])
      await two.put('packs/A', [Buffer.from('22')])
      expect(await collect(two.list('packs/'))).toEqual([{ key: 'packs/A', sizeBytes: 2 }])
    })

    test('lists more than a page', async () => {
      await using blobs = await openBucket(await newBucket(s3))
      const keys = Array.from({ length: 1005 }, (_, i) => `packs/${String(i).padStart(4, '0')}`)
      for (let at = 0; at < keys.length; at += 50) {
        await Promise.all(keys.slice(at, at + 50).map((key) => blobs.put(key, [Buffer.from('x')])))
      }
      expect((await collect(blobs.list('packs/'))).map(({ key }) => key)).toEqual(keys)
    })

    test('takes its own first try, whose answer was lost, for its own', async () => {
      await using proxy = await cutting(s3, (request) => request.includes('/packs/A'))
      const options = { ...(await newBucket(s3)), endpoint: proxy.endpoint }
      await using blobs = await openBucket(options)
      await blobs.put('packs/A', [Buffer.from('once')])
      expect(proxy.cuts()).toBe(1)
      await expect(blobs.put('packs/A', [])).rejects.toMatchObject({ reason: 'FILE_EXISTS' })
    })

    test.each<[string, Partial<BucketOptions>, string, RegExp]>([
      [
        'is not there',
        { bucket: 'no-such-bucket' },
        'NOT_READY',
        /there is no bucket .* create it/,
      ],
      [
        'refuses the key',
        { credentials: { accessKeyId: 'test', secretAccessKey: 'x' } },
        'NOT_READY',
        /check the access key/,
      ],
      [
        'cannot be reached',
        { endpoint: 'http://127.0.0.1:9' },
        'UNREACHABLE',
        /ECONNREFUSED.*check the endpoint/,
      ],
      [
        'has no address',
        { endpoint: 'http://no-such-host.invalid' },
        'UNREACHABLE',
        /check the endpoint/,
      ],
    ])('that %s says so, and what to do', async (_, wrong, reason, message) => {
      const opened = openBucket({ ...(await newBucket(s3)), ...wrong })
      await expect(opened).rejects.toMatchObject({
        kind: 'unavailable',
        reason,
        message: expect.stringMatching(message),
      })
    })
  })
}

test('a bucket whose server overwrites looks before it writes', async () => {
  const objects = new Map<string, number>()
  const server = createHttpServer((request, response) => {
    const key = request.url?.replace(/\/?\?.*|\/$/, '') ?? ''
    const known = objects.has(key) || key === '/bucket'
    if (request.method === 'PUT') objects.set(key, 1)
    if (request.method === 'DELETE') objects.delete(key)
    request.resume().on('end', () => {
      response.writeHead(request.method === 'HEAD' && !known ? 404 : 200).end()
    })
  })
  const endpoint = `http://127.0.0.1:${await portOf(server)}`
  server.unref()
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  const where = { endpoint, region: 'r', bucket: 'bucket', prefix: '', pathStyle: true }
  await using blobs = await openBucket({ ...where, credentials, newId: ulid })
  expect(blobs.refusesOverwrite).toBe(false)
  await blobs.put('packs/A', [Buffer.from('1')])
  await expect(blobs.put('packs/A', [])).rejects.toMatchObject({ reason: 'FILE_EXISTS' })
})

const s3 = await s3Server()
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]()
})
if (s3 !== undefined) againstServer(s3)
