import { chunkDecoder } from '../content/codec.ts'
import type { Digest } from '../content/digest.ts'
import { internal } from '../failure.ts'
import { release } from '../memory.ts'
import { entriesOf } from './columns.ts'
import type { MovedRun } from './verify.ts'

const decode = chunkDecoder()

/** The chunks of some runs by digest, as their own bytes; whoever makes something of them checks what comes out. */
export function rawChunks(runs: readonly MovedRun[]): ReadonlyMap<Digest, Uint8Array> {
  const chunks = new Map<Digest, Uint8Array>()
  for (const { columns, payload } of runs) {
    let at = 0
    for (const entry of entriesOf(columns)) {
      const raw = decode(entry, payload.subarray(at, (at += entry.storedBytes)))
      chunks.set(entry.digest, entry.codec === 'raw' ? raw : new Uint8Array(raw))
    }
  }
  return chunks
}

/** Gives back the memory of runs and of the chunks that were made of them. */
export function releaseAll(
  chunks: ReadonlyMap<Digest, Uint8Array>,
  runs: readonly MovedRun[],
): void {
  for (const raw of chunks.values()) release(raw)
  for (const { payload } of runs) release(payload)
}

/** The bytes of some of these chunks, one after another. */
export function joinedChunks(
  chunks: ReadonlyMap<Digest, Uint8Array>,
  digests: readonly Digest[],
): Buffer {
  return Buffer.concat(
    digests.map((digest) => {
      const raw = chunks.get(digest)
      if (raw === undefined) throw internal('INTERNAL', `chunk ${digest} was not brought along`)
      return raw
    }),
  )
}
