import { maxRunBytes, type Run, type RunEntry } from '../chunks/source.ts'
import { chunkEncoder, type Encode } from '../content/codec.ts'
import type { Digest } from '../content/digest.ts'
import type { Chunk } from '../content/extents.ts'
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
      encode,
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
export function* packed(chunks: Iterable<RawChunk>, encode: Encode): Generator<Run> {
  let filling = emptyRun()
  for (const { digest, raw } of chunks) {
    const { codec, bytes } = encode(raw)
    if (filling.used + bytes.length > packedBytes) {
      yield runOf(filling)
      filling = emptyRun()
    }
    filling.entries.push({ digest, codec, storedBytes: bytes.length, rawBytes: raw.length })
    filling.room.set(bytes, filling.used)
    filling.used += bytes.length
  }
  if (filling.used > 0) yield runOf(filling)
}

interface Filling {
  readonly entries: RunEntry[]
  /** Memory of its own, which can move to another thread whole. */
  readonly room: Uint8Array<ArrayBuffer>
  used: number
}

function emptyRun(): Filling {
  return { entries: [], room: Buffer.allocUnsafeSlow(packedBytes), used: 0 }
}

function runOf({ entries, room, used }: Filling): Run {
  return { entries, payload: room.subarray(0, used) }
}
