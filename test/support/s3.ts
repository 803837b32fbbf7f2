import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3'
import { ulid } from 'ulid'
import type { BucketOptions } from '../../lib/chunks/bucket.ts'
import { hasRgw, startRgw } from './rgw.ts'
import { hasSwift, startSwift } from './swift.ts'

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
  const { MERGE_IMAGE_TEST_S3: endpoint } = process.env
  if (endpoint !== undefined) {
    const { AWS_ACCESS_KEY_ID: id = 'test', AWS_SECRET_ACCESS_KEY: key = 'testtest' } = process.env
    const stop = () => Promise.resolve()
    return { endpoint, accessKeyId: id, secretAccessKey: key, [Symbol.asyncDispose]: stop }
  }
  if (await hasRgw()) return startRgw()
  const why =
    'no S3 server: set MERGE_IMAGE_TEST_S3, or install ceph-mon ceph-osd radosgw ceph-common'
  lacking(why)
  return undefined
}

/** A Swift started here, or nothing, which CI does not accept. */
export async function swiftServer(): Promise<S3 | undefined> {
  if (await hasSwift()) return startSwift()
  lacking('no Swift: install swift-proxy swift-account swift-container swift-object')
  return undefined
}

function lacking(why: string): void {
  if (process.env['CI'] !== undefined) throw new Error(why)
  console.warn(`skipped: ${why}`)
}

/** The options of a folder that is new and empty, in a bucket that is there; faster than a new one. */
export function newFolder(bucket: BucketOptions): BucketOptions {
  return { ...bucket, prefix: `${ulid()}/` }
}

/** The options of a bucket that is new and empty. */
export async function newBucket(s3: S3): Promise<BucketOptions> {
  const { endpoint, accessKeyId, secretAccessKey } = s3
  const credentials = { accessKeyId, secretAccessKey }
  const bucket = `test-${ulid().toLowerCase()}`
  const where = { endpoint, region: 'us-east-1', bucket, prefix: 'pre/', pathStyle: true }
  const options = { ...where, credentials, newId: ulid, random: Math.random }
  const client = clientOf(options)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return options
}

/** Takes a permission away from everybody, the owner too. */
export async function deny(options: BucketOptions, operation: string): Promise<void> {
  const Resource = [`arn:aws:s3:::${options.bucket}`, `arn:aws:s3:::${options.bucket}/*`]
  const Statement = [{ Effect: 'Deny', Principal: '*', Action: `s3:${operation}`, Resource }]
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
  const client = clientOf(options)
  await client.send(new PutBucketPolicyCommand({ Bucket: options.bucket, Policy }))
  client.destroy()
}

function clientOf({ endpoint = '', region = '', credentials }: BucketOptions): S3Client {
  const known = credentials === undefined ? {} : { credentials }
  return new S3Client({ endpoint, region, forcePathStyle: true, ...known })
}
