import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { Failure } from '../failure.ts'
import {
  blobGone,
  blobShort,
  type BlobStat,
  type BlobStore,
  blobTaken,
  checkKey,
  type Parts,
} from './blobs.ts'
import { type BucketAddress, failureOf, isNamed, noBucket, statusOf } from './refusals.ts'

export interface BucketOptions extends BucketAddress {
  /** Put before every key, such as `images/`. */
  readonly prefix: string
  /** `endpoint/bucket/key` rather than `bucket.endpoint/key`. */
  readonly pathStyle: boolean
  /** Without them, the SDK's usual chain of environment, files and roles. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly newId: () => string
}

export interface Bucket extends BlobStore, AsyncDisposable {
  /**
   * Whether the server refuses to overwrite. Where it does not, uniqueness rests on the keys, which carry a ULID: then `put` looks
   * before it writes, which catches a defect of ours, though no race.
   */
  readonly refusesOverwrite: boolean
}

/** Blobs as objects in an S3 bucket. Fails if the bucket cannot be used, and says what to do about it. */
export async function openBucket(options: BucketOptions, signal?: AbortSignal): Promise<Bucket> {
  const { endpoint, region, credentials, pathStyle } = options
  const client = new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 60_000,
      throwOnRequestTimeout: true,
    },
  })
  const place: Place = { client, options }
  try {
    await look(place, signal)
    const refusesOverwrite = await probe(place, signal)
    return {
      refusesOverwrite,
      put: (key, parts, signal) => put(place, refusesOverwrite, key, parts, signal),
      range: (key, offset, length, signal) => range(place, key, offset, length, signal),
      stat: (key, signal) => stat(place, key, signal),
      list: (folder, signal) => list(place, folder, signal),
      delete: (key, signal) => remove(place, key, signal),
      [Symbol.asyncDispose]: () => close(client),
    }
  } catch (error) {
    client.destroy()
    throw error
  }
}

interface Place {
  readonly client: S3Client
  readonly options: BucketOptions
}

async function look(place: Place, signal?: AbortSignal): Promise<void> {
  const { client, options } = place
  const command = new HeadBucketCommand({ Bucket: options.bucket })
  await ask(
    place,
    () => client.send(command, by(signal)),
    signal,
    (error) => (statusOf(error) === 404 ? noBucket(options, error) : undefined),
  )
}

/** Writes one key twice: a server that honours `If-None-Match: *` refuses the second. */
async function probe(place: Place, signal?: AbortSignal): Promise<boolean> {
  const key = `probe/${place.options.newId()}`
  const write = (): Promise<'kept' | 'refused'> => putOnce(place, key, Buffer.from('probe'), signal)
  try {
    await write()
    return (await write()) === 'refused'
  } catch (error) {
    if (isNamed(error, 'NotImplemented')) return false
    throw failureOf(place.options, error)
  } finally {
    await remove(place, key, signal).catch(() => undefined)
  }
}

async function putOnce(
  { client, options }: Place,
  key: string,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<'kept' | 'refused'> {
  const { bucket, prefix, newId } = options
  const object = { Bucket: bucket, Key: prefix + key }
  const token = newId()
  const command = new PutObjectCommand({
    ...object,
    Body: body,
    IfNoneMatch: '*',
    Metadata: { put: token },
  })
  try {
    await client.send(command, by(signal))
    return 'kept'
  } catch (error) {
    if (statusOf(error) !== 412 && statusOf(error) !== 409) throw error
    // The SDK tries again when an answer is lost; then what is in the way is our own first try.
    const there = await client.send(new HeadObjectCommand(object), by(signal))
    return there.Metadata?.['put'] === token ? 'kept' : 'refused'
  }
}

async function put(
  place: Place,
  refusesOverwrite: boolean,
  key: string,
  parts: Parts,
  signal?: AbortSignal,
): Promise<void> {
  checkKey(key)
  const { client, options } = place
  const body = await gathered(parts, signal)
  if (refusesOverwrite) {
    if ((await ask(place, () => putOnce(place, key, body, signal), signal)) === 'kept') return
    throw blobTaken(key)
  }
  if ((await stat(place, key, signal)) !== undefined) throw blobTaken(key)
  const object = { Bucket: options.bucket, Key: options.prefix + key, Body: body }
  await ask(place, () => client.send(new PutObjectCommand(object), by(signal)), signal)
}

/** All of the parts: a request that is tried again needs them once more. */
async function gathered(parts: Parts, signal?: AbortSignal): Promise<Buffer> {
  const copies: Uint8Array[] = []
  for await (const part of parts) {
    signal?.throwIfAborted()
    copies.push(Uint8Array.from(part))
  }
  return Buffer.concat(copies)
}

async function range(
  place: Place,
  key: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  checkKey(key)
  const { client, options } = place
  const command = new GetObjectCommand({
    Bucket: options.bucket,
    Key: options.prefix + key,
    Range: `bytes=${offset}-${offset + length - 1}`,
  })
  const read = async (): Promise<Uint8Array> => {
    const answer = await client.send(command, by(signal))
    return (await answer.Body?.transformToByteArray()) ?? new Uint8Array(0)
  }
  const bytes = await ask(place, read, signal, (error) => {
    if (isGone(error)) return blobGone(key, error)
    return statusOf(error) === 416 ? blobShort(key, offset, length, error) : undefined
  })
  if (bytes.length !== length) throw blobShort(key, offset, length)
  return bytes
}

async function stat(
  place: Place,
  key: string,
  signal?: AbortSignal,
): Promise<BlobStat | undefined> {
  checkKey(key)
  const { client, options } = place
  const command = new HeadObjectCommand({ Bucket: options.bucket, Key: options.prefix + key })
  const look = async (): Promise<BlobStat | undefined> => {
    try {
      const { ContentLength = 0 } = await client.send(command, by(signal))
      return { key, sizeBytes: ContentLength }
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }
  return ask(place, look, signal)
}

async function* list(
  place: Place,
  folder: string,
  signal?: AbortSignal,
): AsyncGenerator<BlobStat, void, undefined> {
  const { client, options } = place
  const { bucket, prefix } = options
  const page = (token?: string): Promise<ListObjectsV2CommandOutput> => {
    const from = token === undefined ? {} : { ContinuationToken: token }
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix + folder, ...from })
    return ask(place, () => client.send(command, by(signal)), signal)
  }
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const answer = await page(token)
    for (const { Key, Size = 0 } of answer.Contents ?? []) {
      if (Key !== undefined) yield { key: Key.slice(prefix.length), sizeBytes: Size }
    }
    token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined
  }
}

async function remove(place: Place, key: string, signal?: AbortSignal): Promise<void> {
  checkKey(key)
  const { client, options } = place
  const command = new DeleteObjectCommand({ Bucket: options.bucket, Key: options.prefix + key })
  await ask(place, () => client.send(command, by(signal)), signal)
}

function close(client: S3Client): Promise<void> {
  client.destroy()
  return Promise.resolve()
}

function by(signal?: AbortSignal): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}

/** Asks the server, and says what went wrong: `special` knows what the call may meet, the rest concerns the whole bucket. */
async function ask<T>(
  place: Place,
  send: () => Promise<T>,
  signal?: AbortSignal,
  special: (error: unknown) => Failure | undefined = () => undefined,
): Promise<T> {
  try {
    return await send()
  } catch (error) {
    signal?.throwIfAborted()
    throw special(error) ?? failureOf(place.options, error)
  }
}

function isGone(error: unknown): boolean {
  return statusOf(error) === 404 && !isNamed(error, 'NoSuchBucket')
}
