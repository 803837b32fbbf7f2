import { cutSegment } from '../content/extents.ts'
import { readSpan, type FileSpan } from './reading.ts'
import type { Slot } from './slot.ts'
import { done, type Outcome } from './task.ts'

/** A segment as it goes between threads, where a Buffer would arrive as something else. */
export interface CutSegment {
  readonly lengths: readonly number[]
  readonly digests: Uint8Array
}

/** Reads a segment into the slot, where it stays for `compress`, and cuts it. */
export function segment(input: {
  readonly span: FileSpan
  readonly slot: Slot
}): Outcome<CutSegment> {
  readSpan(input.span, input.slot)
  return done(cutSegment(input.slot.subarray(0, input.span.length)))
}
