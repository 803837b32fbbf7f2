import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { corrupt } from '../../lib/failure.ts'
import { FetchDeltasResponse } from '../../proto/gen/merge/image/v1/delta.ts'

// Prepared deltas as one object: the messages of the answer, each after its length in four bytes, the first byte the highest.

const lengthBytes = 4
const readBytes = 2 * 1024 * 1024

export function encodeStored(message: FetchDeltasResponse): Buffer {
  const bytes = FetchDeltasResponse.encode(message).finish()
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** The messages of an object, read straight ahead. */
export async function* readStored(
  blobs: Pick<BlobStore, 'range'>,
  { key, sizeBytes }: { readonly key: string; readonly sizeBytes: number },
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
