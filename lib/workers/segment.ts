import { cutSegment } from '../content/extents.ts'
import { minHoleBytes } from '../content/zeros.ts'
import { readClusters } from '../images/clusters.ts'
import type { Qcow2 } from '../images/qcow2.ts'
import { readSpan } from './reading.ts'
import type { Slot } from './slot.ts'
import { done, type Outcome } from './task.ts'

/** Where a segment's bytes come from. */
export type Filling =
  | { readonly kind: 'span'; readonly path: string; readonly fd: number; readonly offset: number }
  | {
      readonly kind: 'clusters'
      readonly image: Qcow2
      readonly fd: number
      readonly offset: number
    }
  /** They are in the slot already. */
  | { readonly kind: 'filled' }

/** A segment as it goes between threads, where a Buffer would arrive as something else. */
export interface CutSegment {
  readonly lengths: readonly number[]
  readonly digests: Uint8Array
}

/** Reads a segment into the slot, where it stays for `compress`, and cuts it; of one that is one hole the slot may hold nothing. */
export function segment(input: {
  readonly slot: Slot
  readonly length: number
  readonly filling: Filling
}): Outcome<CutSegment> {
  const { slot, length, filling } = input
  const isHole = !fill(slot, length, filling) && length >= minHoleBytes
  if (isHole) return done({ lengths: [-length], digests: new Uint8Array(0) })
  return done(cutSegment(slot.subarray(0, length)))
}

/** Answers false where all is zeros, which the slot then holds only if that would be no hole. */
function fill(slot: Slot, length: number, filling: Filling): boolean {
  switch (filling.kind) {
    case 'filled':
      return true
    case 'span':
      readSpan({ ...filling, length }, slot)
      return true
    case 'clusters': {
      const { image, fd, offset } = filling
      const { path } = image
      const filled = readClusters(image, offset, length, slot, (at, into) => {
        readSpan({ path, fd, offset: at, length: into.length }, into)
      })
      if (!filled && length < minHoleBytes) slot.fill(0, 0, length)
      return filled
    }
  }
}
