import { maxRunBytes, type Run, type RunEntry } from '../chunks/source.ts'
import { chunkEncoder } from '../content/codec.ts'
import type { Chunk } from '../content/extents.ts'
import { release } from '../memory.ts'
import type { Slot } from './slot.ts'
import { done, type Outcome } from './task.ts'

const encode = chunkEncoder()

/** Compresses chunks of the segment in the slot, whose offsets are within it, into runs. */
export function compress(input: {
  readonly slot: Slot
  readonly chunks: readonly Chunk[]
}): Outcome<Run[]> {
  const runs = [...pack(input.slot, input.chunks)]
  return done(
    runs,
    runs.map((run) => run.payload.buffer as ArrayBuffer),
  )
}

function* pack(slot: Slot, chunks: readonly Chunk[]): Generator<Run> {
  let entries: RunEntry[] = []
  let parts: Uint8Array[] = []
  let filled = 0
  for (const { digest, offset, length } of chunks) {
    const { codec, bytes } = encode(slot.subarray(offset, offset + length))
    if (filled + bytes.length > maxRunBytes) {
      yield { entries, payload: joined(parts, filled) }
      entries = []
      parts = []
      filled = 0
    }
    entries.push({ digest, codec, storedBytes: bytes.length, rawBytes: length })
    parts.push(bytes)
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
