import { randomUUID } from 'node:crypto'
import { readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, describe, expect, test } from '@jest/globals'
import { bucketShelf } from '../../../agent/projection/bucket.ts'
import { shelfContract, type OpenShelf } from '../../contracts/shelf.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { newBucket, s3Server, type S3 } from '../../support/s3.ts'

const { signal } = new AbortController()
interface OpenBucket extends OpenShelf {
  readonly client: S3Client
  readonly at: (key: string) => { readonly Bucket: string; readonly Key: string }
  readonly again: () => Promise<OpenShelf['shelf']>
}

async function open(s3: S3, bucket: string): Promise<OpenBucket> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const { endpoint } = s3
  const region = 'us-east-1'
  const client = new S3Client({ endpoint, region, forcePathStyle: true })
  stack.defer(() => {
    client.destroy()
  })
  const prefix = `images/${randomUUID()}`
  const at = (key: string) => ({ Bucket: bucket, Key: `${prefix}/${key}` })
  const settings = { s3Endpoint: endpoint, s3Region: region, s3PathStyle: true }
  const owned = stack.move()
  const again = () =>
    bucketShelf(
      `s3://${bucket}/${prefix}/`,
      settings,
      { staging: join(folder.path, 'staging'), newUuid: randomUUID },
      owned,
    )
  return {
    ...{ shelf: await again(), client, at, again },
    read: (key) =>
      client.send(new GetObjectCommand(at(key))).then(
        ({ Body }) => Body?.transformToString(),
        () => undefined,
      ),
    async overwrite(key, text) {
      await client.send(new PutObjectCommand({ ...at(key), Body: text }))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function tests(s3: S3, bucket: string): void {
  const fresh = () => open(s3, bucket)
  shelfContract(fresh)

  test('takes a file in parts, holes and all', async () => {
    await using opened = await fresh()
    const { shelf, client, at } = opened
    const staged = join(shelf.staging, 'disk')
    await writeFile(staged, 'a disk that is mostly empty')
    await truncate(staged, 70 * 1024 * 1024)
    await shelf.put(staged, 'bios/a-rootfs', signal)
    const { ContentLength } = await client.send(new HeadObjectCommand(at('bios/a-rootfs')))
    expect(ContentLength).toBe(70 * 1024 * 1024)
    const range = { ...at('bios/a-rootfs'), Range: 'bytes=0-5' }
    const { Body } = await client.send(new GetObjectCommand(range))
    expect(await Body?.transformToString()).toBe('a disk')
  })

  test('keeps what was there until a put has ended, and no parts of one that did not', async () => {
    await using opened = await fresh()
    const { shelf, client, at, read } = opened
    await writeFile(join(shelf.staging, 'small'), 'before')
    await shelf.put(join(shelf.staging, 'small'), 'a', signal)
    const large = join(shelf.staging, 'large')
    await writeFile(large, '')
    await truncate(large, 300 * 1024 * 1024)
    const stop = new AbortController()
    const putting = shelf.put(large, 'a', stop.signal)
    setTimeout(() => {
      stop.abort(new Error('stopped in the middle'))
    }, 100)
    await expect(putting).rejects.toThrow('stopped in the middle')
    expect(await read('a')).toBe('before')
    const { Bucket, Key: Prefix } = at('')
    const list = new ListMultipartUploadsCommand({ Bucket, Prefix })
    expect((await client.send(list)).Uploads ?? []).toEqual([])
  })

  test('is opened again without what a crash left, here or there', async () => {
    await using opened = await fresh()
    const { shelf, client, at, again } = opened
    await client.send(new CreateMultipartUploadCommand(at('b')))
    await writeFile(join(shelf.staging, 'half'), 'ha')
    const next = await again()
    expect(await readdir(next.staging)).toEqual([])
    await writeFile(join(next.staging, 'it'), 'disk')
    await next.put(join(next.staging, 'it'), 'b', signal)
    const { Bucket, Key: Prefix } = at('')
    const list = new ListMultipartUploadsCommand({ Bucket, Prefix })
    expect((await client.send(list)).Uploads ?? []).toEqual([])
  })

  test('leaves alone what others upload, beside it and under longer keys', async () => {
    await using opened = await fresh()
    const { shelf, client, at } = opened
    for (const key of ['other', 'b-kernel']) {
      await client.send(new CreateMultipartUploadCommand(at(key)))
    }
    await writeFile(join(shelf.staging, 'it'), 'disk')
    await shelf.put(join(shelf.staging, 'it'), 'b', signal)
    const { Bucket, Key: Prefix } = at('')
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix }))
    expect(Uploads.map(({ Key }) => Key).sort()).toEqual([at('b-kernel').Key, at('other').Key])
  })
}

const server = await s3Server()
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})
if (server === undefined) test.todo('needs an S3 server')
else {
  process.env['AWS_ACCESS_KEY_ID'] = server.accessKeyId
  process.env['AWS_SECRET_ACCESS_KEY'] = server.secretAccessKey
  const { bucket } = await newBucket(server)
  describe('a bucket', () => {
    tests(server, bucket)
  })
}
