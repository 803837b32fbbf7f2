import { hash } from 'node:crypto'
import type { RunEntry } from '../chunks/source.ts'
import { chunkDecoder } from '../content/codec.ts'
import { corrupt } from '../failure.ts'
import { type Columns, entriesOf } from './columns.ts'
import { done, type Outcome } from './task.ts'

/** A run whose payload moves to the thread and back. */
export interface MovedRun {
  readonly columns: Columns
  readonly payload: Uint8Array<ArrayBuffer>
}

/** Gives the payload back if every chunk of the run has its digest, and throws CHUNK_CORRUPT otherwise. */
export function verify({ columns, payload }: MovedRun): Outcome<Uint8Array<ArrayBuffer>> {
  let at = 0
  for (const entry of entriesOf(columns)) {
    rawChunk(entry, payload.subarray(at, (at += entry.storedBytes)))
  }
  return done(payload, [payload.buffer])
}

const decode = chunkDecoder()

/** The bytes of the chunk, which have its digest; they hold until the next chunk. */
export function rawChunk(entry: RunEntry, stored: Uint8Array): Uint8Array {
  const raw = decode(entry, stored)
  const { digest } = entry
  if (hash('sha256', raw, 'hex') === digest) return raw
  throw corrupt('CHUNK_CORRUPT', `the bytes sent for chunk ${digest} are others`, { digest })
}
