import { type Failure, corrupt, exists, internal, missing } from '../failure.ts'

export interface BlobStat {
  readonly key: string
  readonly sizeBytes: number
}

/** The bytes of a blob; they may come while it is being kept. */
export type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Where blobs are kept: a directory or a bucket. A key is a relative name in lower-case folders, such as `packs/01J…`.
 * A blob is visible whole or not at all, and never changes.
 */
export interface BlobStore {
  /**
   * Keeps the parts, one after another, as one blob, durable once this resolves. A part is done with when the next is asked for.
   * A key that is taken ends in FILE_EXISTS.
   */
  put(key: string, parts: Parts, signal?: AbortSignal): Promise<void>
  /**
   * Exactly these bytes, in memory that is the caller's to change. CHUNK_NOT_FOUND if there is no such blob,
   * PACK_CORRUPT if it ends before.
   */
  range(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>
  stat(key: string, signal?: AbortSignal): Promise<BlobStat | undefined>
  /** The blobs in a folder, such as `packs/`, in the order of their keys; they are durable. */
  list(folder: string, signal?: AbortSignal): AsyncIterable<BlobStat>
  /** Deletes the blob, for good once this resolves; one that is not there is none of its business. */
  delete(key: string, signal?: AbortSignal): Promise<void>
}

/** Keys are made by us, so a bad one is our defect; it must still never lead out of the store. */
export function checkKey(key: string): void {
  if (!/^(?:[a-z]+\/)+[0-9A-Za-z][0-9A-Za-z._-]*$/.test(key)) {
    throw internal('INTERNAL', `"${key}" is no key of a blob`)
  }
}

export function blobTaken(key: string, cause?: unknown): Failure {
  return exists('FILE_EXISTS', `blob ${key} is already there`, { path: key }, cause)
}

export function blobGone(key: string, cause?: unknown): Failure {
  return missing('CHUNK_NOT_FOUND', `blob ${key} is not there`, { path: key }, cause)
}

export function blobShort(key: string, offset: number, length: number, cause?: unknown): Failure {
  const want = `bytes ${offset} to ${offset + length}`
  return corrupt('PACK_CORRUPT', `blob ${key} ends before ${want}`, { path: key }, cause)
}
