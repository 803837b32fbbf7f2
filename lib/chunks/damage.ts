import type { Digest } from '../content/digest.ts'

/** What a pass came to. */
export interface ScrubCounts {
  readonly packs: number
  /** Of the chunks that were read, as stored. */
  readonly bytes: number
  /** Chunks that the pass found damaged and that were not known to be. */
  readonly damaged: number
  /** Chunks that a good copy was found for, those of earlier passes too. */
  readonly repaired: number
  /** Chunks that are damaged still: nobody who could be reached has them. */
  readonly left: number
}

/** Where a scrub goes on after a restart, and what the last whole pass came to. */
export interface ScrubPlace {
  /** The key of the last pack that was read in this pass; empty between two passes. */
  readonly after: string
  /** When the last pass ended, in milliseconds since 1970; 0 if none has. The first is counted from the first start. */
  readonly endedAt: number
  /** Of the pass that is under way. */
  readonly soFar: ScrubCounts
  /** Of the last one that ended. */
  readonly last: ScrubCounts | undefined
}

export const noCounts: ScrubCounts = { packs: 0, bytes: 0, damaged: 0, repaired: 0, left: 0 }

/**
 * What is known of damage, beside the index. A chunk is damaged in a pack: from then on the index does not tell its place, so
 * it counts as absent, until a good copy is recorded in another pack.
 */
export interface DamageLog {
  /** From now on these chunks of the pack are damaged; answers how many of them were not known to be. */
  note(pack: string, digests: readonly Digest[]): Promise<number>
  /** The chunks that are damaged and in no other pack yet. */
  left(): Promise<Digest[]>
  /** The packs in which damage was found and which are still there. */
  packs(): Promise<string[]>
  place(): Promise<ScrubPlace>
  keepPlace(place: ScrubPlace): Promise<void>
}
