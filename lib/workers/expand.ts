import { writeSync } from 'node:fs'
import { release } from '../memory.ts'
import { entriesOf } from './columns.ts'
import { writeFault } from './faults.ts'
import { done, type Outcome } from './task.ts'
import { type MovedRun, rawChunk } from './verify.ts'

/** A run on its way into an open file. */
export interface PlacedRun extends MovedRun {
  readonly path: string
  readonly fd: number
  /** Where in the file each chunk belongs. */
  readonly offsets: readonly (readonly number[])[]
}

/** Writes every chunk of the run, once its digest matched, at all its places. */
export function expand(run: PlacedRun): Outcome<undefined> {
  let at = 0
  entriesOf(run.columns).forEach((entry, i) => {
    const stored = run.payload.subarray(at, (at += entry.storedBytes))
    const raw = rawChunk(entry, stored)
    for (const offset of run.offsets[i] ?? []) writeAt(run, raw, offset)
  })
  release(run.payload)
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
