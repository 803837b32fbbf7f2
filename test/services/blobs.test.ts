import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { readSettings } from '../../lib/settings.ts'
import { openBlobs } from '../../services/blobs.ts'
import { portalSettings } from '../../services/settings.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import '../support/realm.ts'
import { newBucket, type S3, s3Server } from '../support/s3.ts'

function deps() {
  const seen = recorder()
  return { seen, log: seen.log, now: () => new Date(), newUlid: ulid, newUuid: randomUUID }
}

function settings(...flags: readonly string[]) {
  return readSettings(portalSettings, ['--data', '/nonexistent', ...flags], {}, 'TEST')
}

test('a file of certificates that cannot be read ends the start, and is named', async () => {
  const opened = openBlobs(settings('--bucket', 's3://bucket', '--s3-ca', '/no/ca.pem'), deps())
  await expect(opened).rejects.toThrow('--s3-ca: /no/ca.pem cannot be read (ENOENT)')
})

test('without a bucket, packs lie in the data folder', async () => {
  await using folder = await temporaryFolder()
  const where = { ...settings(), data: folder.path }
  await using blobs = await openBlobs(where, deps())
  await blobs.put('packs/A', [])
  expect(await blobs.stat('packs/A')).toBeDefined()
})

function againstServer(s3: S3): void {
  describe('with a bucket', () => {
    test('the start says which, and what it can do; credentials come from the environment', async () => {
      const { bucket, endpoint = '', credentials } = await newBucket(s3)
      const old = process.env
      const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } =
        credentials ?? {}
      process.env = { ...old, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION: 'us-east-1' }
      try {
        const given = deps()
        const address = `s3://${bucket}/images`
        const server = ['--s3-endpoint', endpoint, '--s3-path-style']
        await using blobs = await openBlobs(settings('--bucket', address, ...server), given)
        const said = { bucket: address, conditionalPut: 'honoured' }
        expect(await given.seen.line('bucket ready')).toMatchObject(said)
        await blobs.put('packs/A', [])
        expect(await blobs.stat('packs/A')).toBeDefined()
      } finally {
        process.env = old
      }
    })
  })
}

const s3 = await s3Server()
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]()
})
if (s3 !== undefined) againstServer(s3)
