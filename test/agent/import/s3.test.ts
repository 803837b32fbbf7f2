import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openOrigin } from '../../../agent/import/open.ts'
import type { OriginDeps } from '../../../agent/import/origin.ts'
import type { S3Place } from '../../../lib/sources/place.ts'
import { originContract, type Scene } from '../../contracts/origins.ts'
import { bytesOf, credentialFor, importDeps, named, never } from '../../support/importing.ts'
import { type S3, s3Server } from '../../support/s3.ts'

const key = 'releases/debian 13?.qcow2'
const s3 = await s3Server()

if (s3 === undefined) test.skip('buckets', () => undefined)
else buckets(s3)

function buckets(server: S3): void {
  const { endpoint, accessKeyId, secretAccessKey } = server
  const client = new S3Client({
    ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId, secretAccessKey },
  })
  const put = (Bucket: string, Key: string, Body: Buffer) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body }))
  const placeOf = (bucket: string, at = endpoint): S3Place => ({
    ...{ kind: 's3', bucket, prefix: 'releases/', endpoint: at, region: 'us-east-1' },
    pathStyle: true,
  })
  const ours = (at: string): Partial<OriginDeps> => ({
    credentials: credentialFor(at, { kind: 'basic', user: accessKeyId, password: secretAccessKey }),
  })

  beforeAll(async () => {
    for (const Bucket of ['images', 'anybody'])
      await client.send(new CreateBucketCommand({ Bucket }))
    await put('images', 'elsewhere/x', Buffer.from('x'))
    await put('images', 'releases/folder/', Buffer.alloc(0))
  }, 60_000)
  afterAll(async () => {
    client.destroy()
    await server[Symbol.asyncDispose]()
  })

  originContract(
    (): Promise<Scene> =>
      Promise.resolve({
        ...{ endpoint, name: 'debian 13?.qcow2' },
        place: (at) => placeOf('images', at),
        deps: ours,
        async offer(bytes) {
          await put('images', key, bytes)
        },
        async withdraw() {
          await client.send(new DeleteObjectCommand({ Bucket: 'images', Key: key }))
        },
        async offerNamed() {
          for (const name of [
            'a/../b',
            'bell\u0007',
            'turned\u202egpj',
            '/etc/shadow',
            '../../etc/passwd',
          ])
            await put('images', `releases/${name}`, Buffer.from(name))
        },
        isFile: ({ path, method }) => method === 'GET' && path.includes('.qcow2'),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    { endless: 'UNREACHABLE', led: 'SOURCE_UNREADABLE', isChecked: false },
  )

  test('a file of several parts comes whole, or not once another has taken its place', async () => {
    const bytes = randomBytes(17 * 1024 * 1024)
    await put('images', 'releases/large', bytes)
    await using origin = await openOrigin(placeOf('images'), importDeps(ours(endpoint)))
    const item = await named(origin, 'large')
    expect((await bytesOf(origin, item)).equals(bytes)).toBe(true)
    const reading = origin.open(item, never)
    await reading.next()
    await put('images', 'releases/large', randomBytes(17 * 1024 * 1024))
    await expect(reading.next()).rejects.toMatchObject({ reason: 'FILE_CHANGED' })
  })

  test('anybody may read a bucket that is open to anybody, and nobody else another', async () => {
    const Statement = [
      {
        Effect: 'Allow',
        Principal: '*',
        Action: ['s3:ListBucket'],
        Resource: 'arn:aws:s3:::anybody',
      },
      {
        Effect: 'Allow',
        Principal: '*',
        Action: ['s3:GetObject'],
        Resource: 'arn:aws:s3:::anybody/*',
      },
    ]
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
    await client.send(new PutBucketPolicyCommand({ Bucket: 'anybody', Policy }))
    await put('anybody', 'releases/a', Buffer.from('a disk'))
    await using open = await openOrigin(placeOf('anybody'), importDeps())
    expect((await bytesOf(open, await named(open, 'a'))).toString()).toBe('a disk')
    await using closed = await openOrigin(placeOf('images'), importDeps())
    await expect(closed.items(never)).rejects.toMatchObject({ reason: 'SOURCE_REFUSES' })
  })
}
