import type { Digest } from '../content/digest.ts'
import type { PackEntry } from './pack.ts'
import type { Codec } from './source.ts'

/** Where a stored chunk lies. */
export interface Place {
  /** The key of the pack's blob. */
  readonly pack: string
  readonly offset: number
  readonly storedBytes: number
  readonly rawBytes: number
  readonly codec: Codec
  /** What its stored bytes are recognised by, where that is kept. */
  readonly fingerprint?: Uint8Array | undefined
}

/** Says which chunks a store holds and where: a cache of what its packs say, so `rebuild` can make it anew. */
export interface ChunkIndex {
  /** Those of the digests that are not recorded, each once, in the order given. */
  absent(digests: readonly Digest[]): Promise<Digest[]>
  /** The places of those that are recorded. */
  locate(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, Place>>
  /** Records a pack and its chunks, all or nothing, and again without harm. A chunk that has a place keeps it. */
  record(pack: string, sizeBytes: number, entries: readonly PackEntry[]): Promise<void>
  /** Forgets the places of chunks; unknown ones are none of its business. */
  remove(digests: readonly Digest[]): Promise<void>
}
