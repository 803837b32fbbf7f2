import { maxRunBytes, type Run, type RunEntry } from '../chunks/source.ts'
import { chunkEncoder } from '../content/codec.ts'
import type { Digest } from '../content/digest.ts'
import type { Chunk } from '../content/extents.ts'
import { release } from '../memory.ts'
import type { Slot } from './slot.ts'
import { done, type Outcome } from './task.ts'

const encode = chunkEncoder()

/** grpc-js holds 16 messages for each stream of an upload, so half of what a run may have halves what a portal holds of them. */
const packedBytes = maxRunBytes / 2

/** Compresses chunks of the segment in the slot, whose offsets are within it, into runs. */
export function compress(input: {
  readonly slot: Slot
  readonly chunks: readonly Chunk[]
}): Outcome<Run[]> {
  const { slot, chunks } = input
  const runs = [
    ...packed(
      chunks.map(({ digest, offset, length }) => ({
        digest,
        raw: slot.subarray(offset, offset + length),
      })),
    ),
  ]
  return done(
    runs,
    runs.map((run) => run.payload.buffer as ArrayBuffer),
  )
}

/** A chunk's own bytes. */
export interface RawChunk {
  readonly digest: Digest
  readonly raw: Uint8Array
}

/** Compresses chunks into runs. */
export function* packed(chunks: Iterable<RawChunk>): Generator<Run> {
  let entries: RunEntry[] = []
  let parts: Uint8Array[] = []
  let filled = 0
  for (const { digest, raw } of chunks) {
    const { codec, bytes } = encode(raw)
    if (filled + bytes.length > packedBytes) {
      yield { entries, payload: joined(parts, filled) }
      entries = []
      parts = []
      filled = 0
    }
    entries.push({ digest, codec, storedBytes: bytes.length, rawBytes: raw.length })
    // What is stored as it is lies in memory of the caller's, who may give it back.
    parts.push(bytes === raw ? Uint8Array.from(raw) : bytes)
    filled += bytes.length
  }
  if (filled > 0) yield { entries, payload: joined(parts, filled) }
}

/** The parts in memory of their own, which can move to another thread whole. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    payload.set(part, at)
    at += part.length
    release(part)
  }
  return payload
}
