import type { DeltaSpan } from '../content/delta.ts'
import type { ChunkSpan } from './layout.ts'

/** A delta in a run of deltas. */
export interface Delta extends DeltaSpan {
  /** Bytes of its frame in the payload. */
  readonly size: number
}

/** Deltas with their frames one after another. */
export interface DeltaRun {
  readonly deltas: readonly Delta[]
  readonly payload: Uint8Array
}

/** What a span is made from. */
export function baseOf({ baseFirst, baseCount }: DeltaSpan): ChunkSpan {
  return { first: baseFirst, count: baseCount }
}
