import { hash } from 'node:crypto'
import type { RunEntry } from '../chunks/source.ts'
import { decompress, release } from '../content/codec.ts'
import { corrupt } from '../failure.ts'
import type { Slot } from './slot.ts'
import { done, type Outcome } from './task.ts'

/** A run whose payload lies in a slot. */
export interface SlottedRun {
  readonly entries: readonly RunEntry[]
  readonly slot: Slot
}

/** Throws CHUNK_CORRUPT unless every chunk of the run has its digest. */
export function verify(run: SlottedRun): Outcome<undefined> {
  for (const [entry, stored] of storedChunks(run)) release(rawChunk(entry, stored))
  return done(undefined)
}

/** Each entry with its part of the payload. */
export function* storedChunks<E extends RunEntry>(run: {
  readonly entries: readonly E[]
  readonly slot: Slot
}): Generator<[E, Uint8Array]> {
  let at = 0
  for (const entry of run.entries) {
    yield [entry, run.slot.subarray(at, at + entry.storedBytes)]
    at += entry.storedBytes
  }
}

/** The bytes of the chunk, which have its digest. */
export function rawChunk(entry: RunEntry, stored: Uint8Array): Uint8Array {
  const raw = decompress(entry, stored)
  const { digest } = entry
  if (hash('sha256', raw, 'hex') === digest) return raw
  throw corrupt('CHUNK_CORRUPT', `the bytes sent for chunk ${digest} are others`, { digest })
}
