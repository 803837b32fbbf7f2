import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import type { BlobStore } from '../../../lib/chunks/blobs.ts'
import { openBucket } from '../../../lib/chunks/bucket.ts'
import { archiveLogs, sweepLogs } from '../../../services/builds/archive.ts'
import { claim, fail, log, putRecipe, run } from '../../support/builds.ts'
import { until } from '../../support/daemon.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { newBucket, s3Server, type S3 } from '../../support/s3.ts'
import '../../support/realm.ts'

const dayMs = 24 * 60 * 60 * 1000

function withServer(s3: S3): void {
  describe('the log of a build, where the portal keeps its objects in a bucket,', () => {
    const stack = new AsyncDisposableStack()
    const old = process.env
    let portal: Awaited<ReturnType<typeof freshPortal>>
    let producer: Clients
    let blobs: BlobStore

    beforeAll(async () => {
      const options = await newBucket(s3)
      const { bucket, prefix, endpoint = '', credentials } = options
      const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } =
        credentials ?? {}
      process.env = { ...old, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION: 'us-east-1' }
      const server = ['--s3-endpoint', endpoint, '--s3-path-style']
      const flags = ['--bucket', `s3://${bucket}/${prefix}`, ...server]
      portal = stack.use(await freshPortal(undefined, undefined, flags))
      producer = portal.as('producer')
      blobs = stack.use(await openBucket(options))
      await putRecipe(producer, 'std')
    })

    afterAll(async () => {
      await stack.disposeAsync()
      process.env = old
    })

    async function objects(): Promise<string[]> {
      const found: string[] = []
      for await (const { key } of blobs.list('logs/')) found.push(key)
      return found
    }

    async function read(name: string, offset: number): Promise<string> {
      const parts: Buffer[] = []
      const request = { name, offset: BigInt(offset) }
      for await (const { part } of producer.builds.readBuildLog(request)) parts.push(part)
      return Buffer.concat(parts).toString()
    }

    test('is an object there once the build ended, read from any byte, and goes if nobody knows it', async () => {
      const name = await run(producer, 'std')
      const builder = portal.as('agent:portal')
      const mine = await claim(builder)
      const text = randomBytes(200_000).toString('hex')
      for (const at of [0, 200_000]) await log(builder, mine, text.slice(at, at + 200_000), at)
      await fail(builder, mine.claim)
      await until('the log is an object', async () => (await rowsOf(name)) === 0)
      const whole = `${text}-- failed: it broke\n`
      for (const offset of [0, 262_145, whole.length]) {
        expect(await read(name, offset)).toBe(whole.slice(offset))
      }
      const kept = await objects()
      expect(kept).toHaveLength(1)

      const now = new Date()
      await blobs.put(`logs/${ulid(now.getTime() - 2 * dayMs)}`, [Buffer.from('lost')])
      expect(await objects()).toHaveLength(2)
      await sweepLogs({ sql: portal.sql, blobs }, new Date(now.getTime() + 100 * dayMs))
      expect(await objects()).toEqual(kept)
      expect(await read(name, 0)).toBe(whole)
    })

    async function rowsOf(build: string): Promise<number> {
      await archiveLogs({ sql: portal.sql, blobs, newUlid: ulid }, new AbortController().signal)
      return (await portal.sql`select from build_log where build = ${build}`).length
    }
  })
}

const s3 = await s3Server()
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]()
})
if (s3 === undefined) test.skip('an S3 server is needed', () => undefined)
else withServer(s3)
