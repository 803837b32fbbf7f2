import type { LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { S3Client } from '@aws-sdk/client-s3'
import { either } from './abort.ts'
import { type Patience, persistently, usualPatience } from './attempts.ts'
import { type BucketAddress, failureOf, type Operation } from './refusals.ts'

export interface S3Options extends BucketAddress {
  /** `endpoint/bucket/key` rather than `bucket.endpoint/key`. */
  readonly pathStyle: boolean
  /** Without them, the SDK's usual chain of environment, files and roles. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Whether requests go unsigned, as to a bucket that anybody may read. */
  readonly anonymous?: boolean
  /** Finds the server's addresses, in place of the system's own way. */
  readonly lookup?: LookupFunction
  /** What a failed request says, where it is not what it says of a store. */
  readonly describe?: (error: unknown) => unknown
  /** Certificates in PEM that are trusted beside the usual ones. */
  readonly ca?: string
  readonly patience?: Omit<Patience, 'random'>
  /** From 0 to 1, for the waits between attempts. */
  readonly random: () => number
  /** A connection on which nothing moves for so long is given up, and the request sent again. */
  readonly stallMs?: number
}

/** What a request is for, how much it moves, and who may end it. */
export interface Purpose {
  readonly operation: Operation
  readonly bytes: number
  readonly signal: AbortSignal | undefined
}

export interface S3 extends Disposable {
  readonly client: S3Client
  /** Sends a request, again where that may help. What cannot be helped is a Failure that says what to do. */
  ask<T>(
    purpose: Purpose,
    send: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T>
}

export async function openS3(options: S3Options): Promise<S3> {
  const patience = { ...(options.patience ?? usualPatience), random: options.random }
  const client = clientOf(options, options.region ?? (await usualRegion()))
  return {
    client,
    ask: ({ operation, bytes, signal }, send) =>
      persistently(
        () => send({ abortSignal: either(AbortSignal.timeout(attemptMs(bytes)), signal) }),
        patience,
        (error, attempts) =>
          options.describe?.(error) ?? failureOf(options, operation, error, attempts),
        signal,
      ),
    [Symbol.dispose]: () => {
      client.destroy()
    },
  }
}

/** A minute, and more for what is slow and yet moves: 100 kB/s is enough. */
function attemptMs(bytes: number): number {
  return 60_000 + Math.ceil(bytes / 100)
}

function clientOf(options: S3Options, region: string): S3Client {
  const { endpoint, credentials, anonymous = false, pathStyle, stallMs = 30_000 } = options
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(anonymous ? unsigned : {}),
    // `persistently` sends again: the SDK would not where an answer is cut in its body.
    maxAttempts: 1,
    // A body that is signed has its SHA-256 checked by the server already.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      socketTimeout: stallMs,
      ...agentsOf(options),
    },
  })
}

/** Credentials are never asked for, so that those of this machine are not used by accident. */
const unsigned = {
  credentials: { accessKeyId: 'nobody', secretAccessKey: 'nobody' },
  signer: { sign: <Request>(request: Request): Promise<Request> => Promise.resolve(request) },
}

function agentsOf({ ca, lookup }: S3Options) {
  if (ca === undefined && lookup === undefined) return {}
  const usual = { keepAlive: true, maxSockets: 50, ...(lookup === undefined ? {} : { lookup }) }
  const trusted = ca === undefined ? {} : { ca: [...getCACertificates(), ca] }
  return { httpAgent: usual, httpsAgent: { ...usual, ...trusted } }
}

/** What AWS_REGION or the profile says. */
async function usualRegion(): Promise<string> {
  const client = new S3Client({})
  try {
    return await client.config.region()
  } catch {
    return 'us-east-1'
  } finally {
    client.destroy()
  }
}
