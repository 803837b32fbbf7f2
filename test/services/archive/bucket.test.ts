import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ImageStorage } from '../../../proto/gen/merge/image/v1/image.ts'
import {
  archive,
  isArchived,
  isPresent,
  isStuck,
  restore,
  servesAll,
  watched,
} from '../../support/archiving.ts'
import { noise } from '../../support/chunks.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'
import '../../support/realm.ts'
import { deny, newBucket, type S3, s3Server } from '../../support/s3.ts'

function againstServer(s3: S3): void {
  describe('an archive in a bucket', () => {
    const usual = process.env
    const data = noise('in a bucket', 700_000)

    beforeEach(() => {
      const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = s3
      process.env = { ...usual, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }
    })

    afterEach(() => {
      process.env = usual
    })

    /** A portal with two images of a line, the older of which nothing needs. */
    async function withArchive(bucket: string) {
      const server = ['--archive-s3-endpoint', s3.endpoint, '--archive-s3-path-style']
      const where = [
        '--archive-bucket',
        `s3://${bucket}/archive`,
        '--archive-s3-region',
        'us-east-1',
      ]
      const portal = await freshPortal(undefined, undefined, [
        ...[...server, ...where, '--archive-storage-class', 'STANDARD'],
        ...['--collect-every', '0', '--collect-grace', '0'],
      ])
      const producer = portal.as('producer')
      const old = await publish(producer, 'debian-13', data)
      await publish(producer, 'debian-13', noise('newer', 1000))
      const forget = async () => {
        const { storage } = portal.as('admin')
        await storage.collect({ validateOnly: false })
        await portal.sql`update chunk set condemn_time = condemn_time - interval '8 days'`
        await storage.collect({ validateOnly: false })
      }
      return {
        portal,
        producer,
        old,
        forget,
        [Symbol.asyncDispose]: () => portal[Symbol.asyncDispose](),
      }
    }

    test('takes an image and gives it back, every byte of it', async () => {
      const { bucket } = await newBucket(s3)
      await using given = await withArchive(bucket)
      const { producer, old, forget } = given
      await archive(producer, old)
      await watched(producer, old, isArchived)
      await forget()
      expect(await servesAll(producer, data)).toBe(false)
      await restore(producer, old)
      await watched(producer, old, isPresent)
      expect(await servesAll(producer, data)).toBe(true)
    })

    test('that is not there is told, and the portal serves', async () => {
      await using given = await withArchive('no-such-bucket')
      const { producer, old } = given
      await expect(archive(producer, old)).rejects.toMatchObject({
        reason: 'ARCHIVE_UNREACHABLE',
        facts: { archive: 's3://no-such-bucket/archive' },
        message: expect.stringContaining('is not there: create it'),
      })
      expect(await servesAll(producer, data)).toBe(true)
    })

    test('that lets nobody read any more keeps the image archived, and says which permission it is', async () => {
      const options = await newBucket(s3)
      await using given = await withArchive(options.bucket)
      const { producer, old, forget } = given
      await archive(producer, old)
      await watched(producer, old, isArchived)
      await forget()
      await deny(options, 'GetObject')
      await restore(producer, old)
      const stuck = await watched(producer, old, isStuck)
      expect(stuck.storage).toBe(ImageStorage.IMAGE_STORAGE_ARCHIVED)
      expect(stuck.move?.error).toContain('s3:GetObject')
    })
  })
}

const s3 = await s3Server()
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]()
})
if (s3 !== undefined) againstServer(s3)
