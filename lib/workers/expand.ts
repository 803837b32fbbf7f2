import { writeSync } from 'node:fs'
import type { RunEntry } from '../chunks/source.ts'
import { release } from '../content/codec.ts'
import { writeFault } from './faults.ts'
import type { Slot } from './slot.ts'
import { done, type Outcome } from './task.ts'
import { rawChunk, storedChunks } from './verify.ts'

/** A chunk of a run, and where in the file it belongs. */
export interface PlacedEntry extends RunEntry {
  readonly offsets: readonly number[]
}

/** A run whose payload lies in a slot, on its way into an open file. */
export interface PlacedRun {
  readonly path: string
  readonly fd: number
  readonly entries: readonly PlacedEntry[]
  readonly slot: Slot
}

/** Writes every chunk of the run, once its digest matched, at all its places. */
export function expand(run: PlacedRun): Outcome<undefined> {
  for (const [entry, stored] of storedChunks(run)) {
    const raw = rawChunk(entry, stored)
    for (const offset of entry.offsets) writeAt(run, raw, offset)
    release(raw)
  }
  return done(undefined)
}

/** A disk that fills up shows first as a short write; the next one says why. */
function writeAt({ path, fd }: PlacedRun, bytes: Uint8Array, offset: number): void {
  try {
    for (let at = 0; at < bytes.length;) {
      at += writeSync(fd, bytes, at, bytes.length - at, offset + at)
    }
  } catch (error) {
    throw writeFault(path, error)
  }
}
