import { release } from '../memory.ts'
import { entriesOf } from './columns.ts'
import { done, type Outcome } from './task.ts'
import { type MovedRun, rawChunk } from './verify.ts'

/** The bytes of the run's chunks, one after another, once every digest matched. */
export function unpack({ columns, payload }: MovedRun): Outcome<Uint8Array<ArrayBuffer>> {
  const { rawSizes } = columns
  const raw = new Uint8Array(rawSizes.reduce((sum, size) => sum + size, 0))
  let from = 0
  let to = 0
  for (const entry of entriesOf(columns)) {
    raw.set(rawChunk(entry, payload.subarray(from, (from += entry.storedBytes))), to)
    to += entry.rawBytes
  }
  release(payload)
  return done(raw, [raw.buffer])
}
