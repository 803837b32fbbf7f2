import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { ulid } from 'ulid'
import type { BucketOptions } from '../../lib/chunks/bucket.ts'
import { hasRgw, startRgw } from './rgw.ts'

export interface S3 extends AsyncDisposable {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/**
 * The S3 server of MERGE_IMAGE_TEST_S3 (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or a Ceph started here, or
 * nothing, which CI does not accept.
 */
export async function s3Server(): Promise<S3 | undefined> {
  const { MERGE_IMAGE_TEST_S3: endpoint, CI: ci } = process.env
  if (endpoint !== undefined) {
    const { AWS_ACCESS_KEY_ID: id = 'test', AWS_SECRET_ACCESS_KEY: key = 'testtest' } = process.env
    const stop = () => Promise.resolve()
    return { endpoint, accessKeyId: id, secretAccessKey: key, [Symbol.asyncDispose]: stop }
  }
  if (await hasRgw()) return startRgw()
  const why =
    'no S3 server: set MERGE_IMAGE_TEST_S3, or install ceph-mon ceph-osd radosgw ceph-common'
  if (ci !== undefined) throw new Error(why)
  console.warn(`skipped: ${why}`)
  return undefined
}

/** The options of a bucket that is new and empty. */
export async function newBucket(s3: S3): Promise<BucketOptions> {
  const { endpoint, accessKeyId, secretAccessKey } = s3
  const credentials = { accessKeyId, secretAccessKey }
  const bucket = `test-${ulid().toLowerCase()}`
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  const where = { endpoint, region: 'us-east-1', bucket, prefix: 'pre/', pathStyle: true }
  return { ...where, credentials, newId: ulid }
}
