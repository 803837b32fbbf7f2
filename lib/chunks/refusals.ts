import { exhausted, type Failure, unavailable } from '../failure.ts'
import { systemCode } from './files.ts'

export interface BucketAddress {
  /** Where the server is; without it, Amazon's for the region. */
  readonly endpoint?: string
  readonly region: string
  readonly bucket: string
}

/** What a failed call says of the bucket as a whole, and what to do about it; other errors pass. */
export function failureOf(options: BucketAddress, error: unknown): unknown {
  const status = statusOf(error)
  if (status === undefined || !(error instanceof Error)) return unreachable(options, error)
  if (error.name === 'NoSuchBucket') return noBucket(options, error)
  const name = nameOf(options)
  if (status === 507 || /Quota|StorageFull|InsufficientStorage/.test(error.name)) {
    return exhausted('DISK_FULL', `no space is left in ${name}`, { path: options.bucket }, error)
  }
  return unusable(
    options,
    status === 401 || status === 403
      ? `${name} refuses us (${error.name}): check the access key, and that it may list, get, put and delete`
      : `${name} answered ${status} ${error.name}: ${error.message}`,
    error,
  )
}

export function noBucket(options: BucketAddress, error: unknown): Failure {
  return unusable(
    options,
    `there is no ${nameOf(options)}: create it, or correct the setting`,
    error,
  )
}

function unusable(options: BucketAddress, text: string, error: unknown): Failure {
  return unavailable(
    'NOT_READY',
    text,
    { address: addressOf(options), bucket: options.bucket },
    error,
  )
}

function unreachable(options: BucketAddress, error: unknown): unknown {
  const code = systemCode(error) ?? (isNamed(error, 'TimeoutError') ? 'timeout' : undefined)
  if (code === undefined) return error
  const address = addressOf(options)
  const text = `${address} cannot be reached (${code}): check the endpoint and the network`
  return unavailable('UNREACHABLE', text, { address }, error)
}

function nameOf(options: BucketAddress): string {
  return `bucket "${options.bucket}" at ${addressOf(options)}`
}

function addressOf({ endpoint, region }: BucketAddress): string {
  return endpoint ?? `the S3 service of region ${region}`
}

/** The HTTP status, if it is an answer of the server at all: the SDK puts it on its errors. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  const { $metadata: meta } = error
  if (typeof meta !== 'object' || meta === null || !('httpStatusCode' in meta)) return undefined
  return typeof meta.httpStatusCode === 'number' ? meta.httpStatusCode : undefined
}

export function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name
}
