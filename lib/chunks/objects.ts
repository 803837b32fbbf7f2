import { Readable } from 'node:stream'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type StorageClass,
} from '@aws-sdk/client-s3'
import { fileChanged } from '../workers/faults.ts'
import { blobGone, blobShort } from './blobs.ts'
import { putInParts } from './multipart.ts'
import { isNamed, statusOf, unusable } from './refusals.ts'
import { openS3, type S3, type S3Options } from './s3.ts'

export interface ObjectsOptions extends S3Options {
  /** Put before every key, such as `images/`. */
  readonly prefix: string
  /** In which objects are kept; the server's usual one if it is not given. */
  readonly storageClass?: string
}

export interface ObjectStat {
  readonly key: string
  readonly sizeBytes: number
  /** When it was written, in milliseconds since 1970 by the server's clock. */
  readonly writtenAt: number
  /** Says which put wrote it; only `head` knows. */
  readonly token?: string
  /** The server's own word for its bytes; `head` and `page` know. */
  readonly etag?: string
}

export interface Page {
  readonly objects: readonly ObjectStat[]
  /** Where the next page begins, if there is one. */
  readonly next: string | undefined
}

export interface PutRequest {
  readonly key: string
  readonly body: Uint8Array
  /** Is kept with the object, and tells whose it is. */
  readonly token: string
  /** Whether the server is asked not to overwrite. */
  readonly ifAbsent: boolean
}

/** What a put came to; `unsupported` where the server has no conditional put, and says so. */
export type PutOutcome = 'kept' | 'taken' | 'unsupported'

/** The objects of a bucket, a request each. */
export interface Objects extends Disposable {
  put(request: PutRequest, signal?: AbortSignal): Promise<PutOutcome>
  /** With an ETag, of that very object: FILE_CHANGED if another has taken its place. */
  get(
    key: string,
    offset: number,
    length: number,
    signal?: AbortSignal,
    etag?: string,
  ): Promise<Uint8Array>
  head(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined>
  page(folder: string, from?: string, most?: number, signal?: AbortSignal): Promise<Page>
  /** Puts a file, however large, in place of what was there. */
  putFile(key: string, path: string, signal: AbortSignal): Promise<void>
  /** Puts the bytes of another object, which the server copies; false if it is gone or too large to be copied at once. */
  copy(from: string, key: string, signal: AbortSignal): Promise<boolean>
  /** One that is not there is none of its business. */
  delete(key: string, signal?: AbortSignal): Promise<void>
}

export async function openObjects(options: ObjectsOptions): Promise<Objects> {
  const s3 = await openS3(options)
  const place: Place = { s3, options }
  return {
    put: (request, signal) => put(place, request, signal),
    get: (key, offset, length, signal, etag) => get(place, key, offset, length, signal, etag),
    head: (key, signal) => head(place, key, signal),
    page: (folder, from, most, signal) => page(place, folder, from, most, signal),
    putFile: (key, path, signal) => putInParts(s3, at(place, key), path, signal),
    copy: (from, key, signal) => copy(place, from, key, signal),
    delete: (key, signal) => remove(place, key, signal),
    [Symbol.dispose]: () => {
      s3[Symbol.dispose]()
    },
  }
}

interface Place {
  readonly s3: S3
  readonly options: ObjectsOptions
}

function at({ options: { bucket, prefix } }: Place, key: string) {
  return { Bucket: bucket, Key: prefix + key }
}

function put(place: Place, request: PutRequest, signal?: AbortSignal): Promise<PutOutcome> {
  const { key, body, token, ifAbsent } = request
  const { storageClass } = place.options
  const object = {
    ...at(place, key),
    ...{ Body: body, Metadata: { put: token } },
    // Servers have classes of their own beside those that the SDK knows.
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as StorageClass }),
  }
  const condition = ifAbsent ? { IfNoneMatch: '*' } : {}
  const purpose = { operation: 'PutObject', bytes: body.length, signal } as const
  return place.s3.ask(purpose, async (by) => {
    try {
      await place.s3.client.send(new PutObjectCommand({ ...object, ...condition }), by)
      return 'kept'
    } catch (error) {
      if (statusOf(error) === 412) return 'taken'
      if (ifAbsent && isNamed(error, 'NotImplemented')) return 'unsupported'
      throw error
    }
  })
}

function get(
  place: Place,
  key: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
  etag?: string,
): Promise<Uint8Array> {
  const Range = `bytes=${offset}-${offset + length - 1}`
  const object = { ...at(place, key), Range, IfMatch: etag }
  const purpose = { operation: 'GetObject', bytes: length, signal } as const
  return place.s3.ask(purpose, async (by) => {
    const answer = await place.s3.client
      .send(new GetObjectCommand(object), by)
      .catch((error: unknown) => {
        if (isGone(error)) throw blobGone(key, error)
        if (statusOf(error) === 412) throw fileChanged(key)
        throw statusOf(error) === 416 ? blobShort(key, offset, length, error) : error
      })
    const { Body, ContentRange = '' } = answer
    if (!(Body instanceof Readable)) throw cut(key)
    try {
      const [, from, to] = /^bytes (\d+)-(\d+)\//.exec(ContentRange) ?? []
      if (Number(from) !== offset) throw unusable(place.options, 'does not answer with ranges')
      if (Number(to) + 1 < offset + length) throw blobShort(key, offset, length)
      return await whole(key, Body, length)
    } finally {
      Body.destroy()
    }
  })
}

async function whole(key: string, body: Readable, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    if (done + piece.length > length) throw cut(key)
    bytes.set(piece, done)
    done += piece.length
  }
  if (done < length) throw cut(key)
  return bytes
}

/** An answer that is not as long as it said: the connection's fault, as if it had been cut. */
function cut(key: string): Error {
  const text = `the answer for ${key} has another length than it said`
  return Object.assign(new Error(text), { code: 'ECONNRESET' })
}

function head(place: Place, key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
  return place.s3.ask({ operation: 'GetObject', bytes: 0, signal }, async (by) => {
    try {
      const answer = await place.s3.client.send(new HeadObjectCommand(at(place, key)), by)
      const token = answer.Metadata?.['put']
      const { ContentLength, LastModified, ETag } = answer
      const stat = statOf(key, ContentLength, LastModified, ETag)
      return token === undefined ? stat : { ...stat, token }
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  })
}

/** What CopyObject takes at once (Amazon S3 API Reference, CopyObject). */
const mostCopied = 5 * 1024 ** 3

async function copy(
  place: Place,
  from: string,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await head(place, from, signal)
  if (found === undefined || found.sizeBytes > mostCopied) return false
  const { Bucket, Key } = at(place, from)
  const source = [Bucket, ...Key.split('/').map(encodeURIComponent)].join('/')
  const command = new CopyObjectCommand({ ...at(place, key), CopySource: source })
  const purpose = { operation: 'PutObject', bytes: found.sizeBytes, signal } as const
  return place.s3.ask(purpose, async (by) => {
    try {
      await place.s3.client.send(command, by)
      return true
    } catch (error) {
      if (isGone(error)) return false
      throw error
    }
  })
}

function page(
  place: Place,
  folder: string,
  from?: string,
  most?: number,
  signal?: AbortSignal,
): Promise<Page> {
  const { bucket, prefix } = place.options
  const start = from === undefined ? {} : { ContinuationToken: from }
  const size = most === undefined ? {} : { MaxKeys: most }
  const where = { Bucket: bucket, Prefix: prefix + folder, ...start, ...size }
  return place.s3.ask({ operation: 'ListBucket', bytes: 0, signal }, async (by) => {
    const answer = await place.s3.client.send(new ListObjectsV2Command(where), by)
    const objects = (answer.Contents ?? []).flatMap(({ Key, Size, LastModified, ETag }) =>
      Key === undefined ? [] : [statOf(Key.slice(prefix.length), Size, LastModified, ETag)],
    )
    return { objects, next: answer.IsTruncated === true ? answer.NextContinuationToken : undefined }
  })
}

function remove(place: Place, key: string, signal?: AbortSignal): Promise<void> {
  return place.s3.ask({ operation: 'DeleteObject', bytes: 0, signal }, async (by) => {
    try {
      await place.s3.client.send(new DeleteObjectCommand(at(place, key)), by)
    } catch (error) {
      if (!isGone(error)) throw error
    }
  })
}

function statOf(key: string, sizeBytes = 0, written = new Date(0), etag?: string): ObjectStat {
  const stat = { key, sizeBytes, writtenAt: written.getTime() }
  return etag === undefined ? stat : { ...stat, etag }
}

function isGone(error: unknown): boolean {
  return statusOf(error) === 404 && !isNamed(error, 'NoSuchBucket')
}
