import type { BlobStat } from './blobs.ts'
import type { PackEntry } from './pack.ts'

/** Some chunks, and the bytes that they take in packs. */
export interface Tally {
  readonly chunks: number
  readonly bytes: number
}

/** A recorded pack, and what of it is still somebody's. */
export interface PackUse extends BlobStat {
  readonly chunks: number
  readonly chunkBytes: number
}

/**
 * What collection asks of an index. A chunk goes in three steps, each durable before the next: it is condemned, and can be
 * brought back as it is; it is doomed, and nobody finds it any more; its bytes are deleted with their pack. Whatever needs a
 * chunk says so before it looks for it, and finding a condemned one brings it back: so both sides hold, each in one atomic
 * step, that a chunk which is needed is not condemned.
 */
export interface CollectableIndex {
  /** Condemns what nothing needs and is older than `graceMs`; a rehearsal only counts. */
  condemn(graceMs: number, rehearse: boolean): Promise<Tally>
  /** Dooms what was condemned `undeleteMs` ago or before, and nothing needs since; a rehearsal only counts. */
  doom(undeleteMs: number, rehearse: boolean): Promise<Tally>
  /** How many chunks were brought back since this was asked last. */
  takeRevived(): number
  /** Every recorded pack, without the chunks that `doom` would take from it. */
  packUse(undeleteMs: number): Promise<PackUse[]>
  /** The chunks that lie in a pack, in its order. */
  contents(pack: string): Promise<PackEntry[]>
  /**
   * Records a durable copy of what lies in `packs`, moves their chunks there, in the form that they have there, and dooms those
   * packs that are empty then.
   */
  replace(packs: readonly string[], by: BlobStat, entries: readonly PackEntry[]): Promise<void>
  /** Dooms those of the packs in which no chunk lies. */
  doomPacks(packs: readonly string[]): Promise<void>
  /** Packs without rows whose bytes are to be deleted, after a crash as well. */
  doomedPacks(): Promise<BlobStat[]>
  /** The bytes are gone. The key stays known: it can never be recorded again. */
  deleted(pack: string): Promise<void>
  /** Those of the keys that are neither recorded nor doomed. */
  unrecorded(keys: readonly string[]): Promise<string[]>
  /** Dooms a pack that nobody has recorded; false if somebody has meanwhile. */
  claim(orphan: BlobStat): Promise<boolean>
}
