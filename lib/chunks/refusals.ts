import { errorCode, exhausted, Failure, unavailable } from '../failure.ts'
import { systemCode } from './files.ts'

export interface BucketAddress {
  /** Where the server is; without it, Amazon's for the region. */
  readonly endpoint?: string
  /** Without it, that of AWS_REGION or the profile, or us-east-1. */
  readonly region?: string
  readonly bucket: string
}

/** What a request does to the bucket, by the permission that it needs. */
export type Operation = 'ListBucket' | 'GetObject' | 'PutObject' | 'DeleteObject'

/** What a failed request says of the bucket as a whole, and what to do about it; other errors pass. */
export function failureOf(
  address: BucketAddress,
  operation: Operation,
  error: unknown,
  attempts = 1,
): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error
  const status = statusOf(error)
  if (status === undefined) return unanswered(address, error, attempts)
  if (status === 507 || /Quota|StorageFull|InsufficientStorage/.test(error.name)) {
    const text = `no space is left in ${nameOf(address)}`
    return exhausted('DISK_FULL', text, { path: address.bucket }, error)
  }
  const text = told(error.name) ?? (isForbidden(status) ? forbidden(operation) : undefined)
  if (text !== undefined) return unusable(address, text, error)
  const often = attempts > 1 ? `, ${attempts} times` : ''
  return unusable(address, `answered ${status} ${error.name}: ${error.message}${often}`, error)
}

/** What to do about answers that leave no doubt. */
function told(name: string): string | undefined {
  switch (name) {
    case 'NoSuchBucket':
      return 'is not there: create it, or correct its name'
    case 'InvalidBucketName':
      return 'has a name that the server does not take: correct it'
    case 'InvalidAccessKeyId':
      return 'knows no such access key: check AWS_ACCESS_KEY_ID, or the profile'
    case 'SignatureDoesNotMatch':
      return 'takes the access key, but not its secret: check AWS_SECRET_ACCESS_KEY, or the profile'
    case 'ExpiredToken':
    case 'InvalidToken':
    case 'TokenRefreshRequired':
      return 'takes the session no more: renew AWS_SESSION_TOKEN, or use a profile or role that renews it'
    case 'RequestTimeTooSkewed':
      return 'has another time than this machine, by more than 15 minutes: set the clock'
    case 'AuthorizationHeaderMalformed':
    case 'PermanentRedirect':
    case 'IllegalLocationConstraintException':
      return 'is in another region: correct --s3-region'
    default:
      return undefined
  }
}

function isForbidden(status: number): boolean {
  return status === 401 || status === 403
}

function forbidden(operation: Operation): string {
  return `does not let us: give the access key the permission s3:${operation} (ListBucket, GetObject, PutObject, DeleteObject are needed)`
}

/** A bucket that will not do until somebody changes something. */
export function unusable(address: BucketAddress, text: string, cause?: unknown): Failure {
  const facts = { address: addressOf(address), bucket: address.bucket }
  return unavailable('NOT_READY', `${nameOf(address)} ${text}`, facts, cause)
}

function unanswered(address: BucketAddress, error: Error, attempts: number): unknown {
  if (isNamed(error, 'CredentialsProviderError')) return noCredentials(address, error)
  const code = errorCode(error) ?? ''
  const where = addressOf(address)
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    const text = `${where} has a certificate that is not trusted here (${code}): --s3-ca names its CA`
    return unavailable('UNREACHABLE', text, { address: where }, error)
  }
  const late = isNamed(error, 'TimeoutError') || isNamed(error, 'AbortError')
  const why = systemCode(error) ?? (late ? 'no answer in time' : /^(HPE|EPROTO)/.exec(code)?.input)
  if (why === undefined) return error
  const often = attempts > 1 ? `, ${attempts} times` : ''
  const text = `${where} cannot be reached (${why}${often}): check --s3-endpoint and the network`
  return unavailable('UNREACHABLE', text, { address: where }, error)
}

function noCredentials(address: BucketAddress, error: Error): Failure {
  return unusable(
    address,
    `needs credentials, and there are none (${error.message}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role`,
    error,
  )
}

function nameOf(address: BucketAddress): string {
  return `bucket "${address.bucket}" at ${addressOf(address)}`
}

function addressOf({ endpoint, region }: BucketAddress): string {
  return endpoint ?? `the S3 service of ${region === undefined ? 'AWS' : `region ${region}`}`
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
