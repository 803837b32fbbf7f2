import { chunkDecoder } from '../content/codec.ts'
import type { Digest } from '../content/digest.ts'
import { internal } from '../failure.ts'
import { release } from '../memory.ts'
import { entriesOf } from './columns.ts'
import type { MovedRun } from './verify.ts'

/** A chunk, by what it holds. */
export interface SizedChunk {
  readonly digest: Digest
  readonly length: number
}

/** A part of what lies side by side. */
export interface ByteSpan {
  readonly at: number
  readonly length: number
}

const decode = chunkDecoder()

/** Kept for the next task: it is several MiB each time. */
let slab = new Uint8Array(0)

/**
 * The bytes of the chunks side by side, in memory that holds until the next call; the runs bring all of them, and are spent.
 * Whoever makes something of the bytes checks what comes out.
 */
export function sideBySide(chunks: readonly SizedChunk[], runs: readonly MovedRun[]): Uint8Array {
  const places = new Map<Digest, number[]>()
  let end = 0
  for (const { digest, length } of chunks) {
    const known = places.get(digest)
    if (known === undefined) places.set(digest, [end])
    else known.push(end)
    end += length
  }
  if (slab.length < end) slab = Buffer.allocUnsafeSlow(end)
  for (const { columns, payload } of runs) {
    let from = 0
    for (const entry of entriesOf(columns)) {
      const stored = payload.subarray(from, (from += entry.storedBytes))
      // zstd writes past the end of what it makes where it has room, so not into the slab itself.
      const raw = decode(entry, stored)
      for (const place of places.get(entry.digest) ?? []) slab.set(raw, place)
      places.delete(entry.digest)
    }
    release(payload)
  }
  for (const digest of places.keys()) throw internal('INTERNAL', `chunk ${digest} did not come`)
  return slab
}
