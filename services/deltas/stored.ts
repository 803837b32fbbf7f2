import { BinaryReader } from '@bufbuild/protobuf/wire'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { corrupt } from '../../lib/failure.ts'
import { release } from '../../lib/memory.ts'
import { type Delta, FetchDeltasResponse } from '../../proto/gen/merge/image/v1/delta.ts'

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
    const fill = async function* (): AsyncGenerator<Uint8Array> {
      while (next.done !== true && sizeBytes < objectBytes) {
        const bytes = FetchDeltasResponse.encode(next.value).finish()
        sizeBytes += lengthBytes + bytes.length
        yield lengthOf(bytes)
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

function lengthOf(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(bytes.length)
  return length
}

/** A message as it is stored: its deltas, and all of it as it is sent. The bytes hold until the next is asked for. */
export interface StoredMessage {
  readonly deltas: readonly Delta[]
  readonly bytes: Buffer
}

/** The messages of an object, read straight ahead. */
export async function* readStored(
  blobs: Pick<BlobStore, 'range'>,
  { key, sizeBytes }: StoredObject,
  signal: AbortSignal,
): AsyncGenerator<StoredMessage, void, undefined> {
  let rest = Buffer.alloc(0)
  for (let at = 0; at < sizeBytes; at += readBytes) {
    const part = await blobs.range(key, at, Math.min(readBytes, sizeBytes - at), signal)
    const read = Buffer.concat([rest, part])
    release(part)
    release(rest)
    let done = 0
    for (;;) {
      const end = done + endOfFirst(read.subarray(done))
      if (end > read.length) break
      const bytes = read.subarray(done + lengthBytes, end)
      yield { deltas: deltasOf(bytes), bytes }
      done = end
    }
    rest = Buffer.from(read.subarray(done))
    release(read)
  }
  if (rest.length > 0) {
    throw corrupt('PACK_CORRUPT', `the deltas ${key} end in the middle of one`, { path: key })
  }
}

function endOfFirst(bytes: Buffer): number {
  return bytes.length < lengthBytes ? Infinity : lengthBytes + bytes.readUInt32BE(0)
}

const payloadField = 3

/** The payload, which is the last field and most of a message, is passed by: the generic codec would copy it. */
function deltasOf(bytes: Uint8Array): Delta[] {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [field, wireType] = reader.tag()
    if (field === payloadField) return FetchDeltasResponse.decode(bytes.subarray(0, start)).deltas
    reader.skip(wireType, field)
  }
  return FetchDeltasResponse.decode(bytes).deltas
}
