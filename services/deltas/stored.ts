import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { corrupt } from '../../lib/failure.ts'
import { FetchDeltasResponse } from '../../proto/gen/merge/image/v1/delta.ts'

// Prepared deltas as objects: the messages of the answer, each after its length in four bytes, the first byte the highest.

export interface StoredObject {
  readonly key: string
  readonly sizeBytes: number
}

const lengthBytes = 4
const readBytes = 2 * 1024 * 1024
/** A bucket gathers an object in memory before it goes. */
const objectBytes = 16 * 1024 * 1024

/** Keeps the messages in as many objects as they fill. */
export async function keepStored(
  messages: AsyncGenerator<FetchDeltasResponse, void, undefined>,
  { blobs, newKey }: { readonly blobs: Pick<BlobStore, 'put'>; readonly newKey: () => string },
  signal: AbortSignal,
): Promise<StoredObject[]> {
  const objects: StoredObject[] = []
  let next = await messages.next()
  while (next.done !== true) {
    let sizeBytes = 0
    const fill = async function* (): AsyncGenerator<Buffer> {
      while (next.done !== true && sizeBytes < objectBytes) {
        const bytes = encodeStored(next.value)
        sizeBytes += bytes.length
        yield bytes
        next = await messages.next()
      }
    }
    const key = newKey()
    await blobs.put(key, fill(), signal)
    objects.push({ key, sizeBytes })
  }
  return objects
}

function encodeStored(message: FetchDeltasResponse): Buffer {
  const bytes = FetchDeltasResponse.encode(message).finish()
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** The messages of an object, read straight ahead. */
export async function* readStored(
  blobs: Pick<BlobStore, 'range'>,
  { key, sizeBytes }: StoredObject,
  signal: AbortSignal,
): AsyncGenerator<FetchDeltasResponse, void, undefined> {
  let rest = Buffer.alloc(0)
  for (let at = 0; at < sizeBytes; at += readBytes) {
    const part = await blobs.range(key, at, Math.min(readBytes, sizeBytes - at), signal)
    rest = Buffer.concat([rest, part])
    for (;;) {
      const end = endOfFirst(rest)
      if (end === undefined || end > rest.length) break
      yield FetchDeltasResponse.decode(rest.subarray(lengthBytes, end))
      rest = rest.subarray(end)
    }
  }
  if (rest.length > 0) {
    throw corrupt('PACK_CORRUPT', `the deltas ${key} end in the middle of one`, { path: key })
  }
}

function endOfFirst(bytes: Buffer): number | undefined {
  return bytes.length < lengthBytes ? undefined : lengthBytes + bytes.readUInt32BE(0)
}
