import type { Digest } from '../content/digest.ts'

/** Where a scrub goes on after a restart, and when the last whole pass ended. */
export interface ScrubPlace {
  /** The key of the last pack that was read in this pass; empty between two passes. */
  readonly after: string
  /** When the last pass ended, in milliseconds since 1970; 0 if none has. */
  readonly endedAt: number
}

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
