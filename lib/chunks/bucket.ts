import { type Abilities, findAbilities, outOfOrder } from './abilities.ts'
import {
  blobGone,
  type BlobStat,
  type BlobStore,
  blobTaken,
  checkKey,
  type Parts,
} from './blobs.ts'
import { type Objects, type ObjectsOptions, openObjects } from './objects.ts'
import { unusable } from './refusals.ts'

export interface BucketOptions extends ObjectsOptions {
  readonly newId: () => string
}

export interface Bucket extends BlobStore, AsyncDisposable {
  readonly abilities: Abilities
}

/** Blobs as objects in an S3 bucket. Fails if the bucket cannot be used, and says what to do about it. */
export async function openBucket(options: BucketOptions, signal?: AbortSignal): Promise<Bucket> {
  const objects = await openObjects(options)
  try {
    // Unlike a HEAD, a list says why it is refused.
    await objects.page('', undefined, 1, signal)
    const unfit = (text: string) => unusable(options, text)
    const abilities = await findAbilities(objects, options.newId, unfit, signal)
    const place: Place = { objects, options, abilities, writing: new Set() }
    return {
      abilities,
      put: (key, parts, signal) => put(place, key, parts, signal),
      range: (key, offset, length, signal) => range(place, key, offset, length, signal),
      stat: (key, signal) => stat(place, key, signal),
      list: (folder, signal) => list(place, folder, signal),
      async delete(key, signal) {
        checkKey(key)
        await objects.delete(key, signal)
      },
      [Symbol.asyncDispose]: () => close(objects),
    }
  } catch (error) {
    await close(objects)
    throw error
  }
}

interface Place {
  readonly objects: Objects
  readonly options: BucketOptions
  readonly abilities: Abilities
  /** The keys that are being put by this process. */
  readonly writing: Set<string>
}

async function put(place: Place, key: string, parts: Parts, signal?: AbortSignal): Promise<void> {
  checkKey(key)
  const { writing, abilities } = place
  const body = await gathered(parts, signal)
  if (writing.has(key)) throw blobTaken(key)
  writing.add(key)
  try {
    if (abilities.conditionalPut === 'honoured') await putIfAbsent(place, key, body, signal)
    else await lookAndPut(place, key, body, signal)
  } finally {
    writing.delete(key)
  }
}

async function putIfAbsent(
  { objects, options }: Place,
  key: string,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const token = options.newId()
  const outcome = await objects.put({ key, body, token, ifAbsent: true }, signal)
  if (outcome === 'kept') return
  // Where an answer was lost, what is in the way is our own first try.
  if ((await objects.head(key, signal))?.token !== token) throw blobTaken(key)
}

/**
 * Without conditional puts, that a blob never changes rests on its key, which carries a ULID that is never used again. Looking
 * before and after catches what breaks that: all of it within this process, most of it between two.
 */
async function lookAndPut(
  { objects, options }: Place,
  key: string,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  if ((await objects.head(key, signal)) !== undefined) throw blobTaken(key)
  const token = options.newId()
  await objects.put({ key, body, token, ifAbsent: false }, signal)
  const kept = await objects.head(key, signal)
  if (kept?.token !== undefined && kept.token !== token) throw blobTaken(key)
  if (kept?.token === token && kept.sizeBytes === body.length) return
  throw unusable(options, `took ${key}, and has it not`)
}

/**
 * All of the parts: a request that is sent again needs them once more, and a request with its whole body is signed, so the server
 * checks its SHA-256.
 */
async function gathered(parts: Parts, signal?: AbortSignal): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0)
  let used = 0
  for await (const part of parts) {
    signal?.throwIfAborted()
    if (used + part.length > bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(1024 * 1024, 2 * (used + part.length)))
      grown.set(bytes.subarray(0, used))
      bytes = grown
    }
    bytes.set(part, used)
    used += part.length
  }
  return bytes.subarray(0, used)
}

async function range(
  { objects }: Place,
  key: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  checkKey(key)
  if (length > 0) return objects.get(key, offset, length, signal)
  // S3 has no empty range.
  if ((await objects.head(key, signal)) === undefined) throw blobGone(key)
  return new Uint8Array(0)
}

async function stat(
  { objects }: Place,
  key: string,
  signal?: AbortSignal,
): Promise<BlobStat | undefined> {
  checkKey(key)
  const found = await objects.head(key, signal)
  return found === undefined ? undefined : { key, sizeBytes: found.sizeBytes }
}

async function* list(
  { objects, options }: Place,
  folder: string,
  signal?: AbortSignal,
): AsyncGenerator<BlobStat, void, undefined> {
  let last = ''
  for (let from: string | undefined, more = true; more; more = from !== undefined) {
    const page = await objects.page(folder, from, undefined, signal)
    for (const { key, sizeBytes } of page.objects) {
      if (key <= last) throw unusable(options, outOfOrder)
      yield { key, sizeBytes }
      last = key
    }
    from = page.next
  }
}

function close(objects: Objects): Promise<void> {
  objects[Symbol.dispose]()
  return Promise.resolve()
}
