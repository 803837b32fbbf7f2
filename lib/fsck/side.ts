import type { BlobStore } from '../chunks/blobs.ts'
import type { CollectableIndex } from '../chunks/collectable.ts'
import type { DamageLog } from '../chunks/damage.ts'
import type { PackEntry } from '../chunks/pack.ts'
import type { ChunkIndex } from '../chunks/places.ts'
import type { Verify } from '../chunks/verified.ts'
import type { Digest } from '../content/digest.ts'
import type { Failure } from '../failure.ts'

/** A manifest that images name. */
export interface NamedManifest {
  readonly digest: Digest
  /** Its canonical bytes; a Failure if they cannot be had. */
  readonly bytes: Uint8Array | Failure
  readonly images: readonly string[]
}

/** What a portal or an agent says of its store, and how that is put right. */
export interface Side {
  readonly blobs: BlobStore
  readonly places: ChunkIndex
  readonly collectable: Pick<CollectableIndex, 'packUse' | 'contents' | 'unrecorded'>
  readonly damage: DamageLog
  readonly verify: Verify
  /** The manifests of the images that should be here whole. */
  manifests(): AsyncIterable<NamedManifest>
  /** Corrects the rows of these chunks, which lie in the pack. */
  correct(pack: string, entries: readonly PackEntry[]): Promise<void>
  /** How many of the manifest's chunks that are here a collector does not know to be needed. */
  unguarded(manifest: Digest, chunks: readonly Digest[]): Promise<number>
  /** From now on it knows. */
  guard(manifest: Digest, chunks: readonly Digest[]): Promise<void>
  /** What to do about a manifest that cannot be read: forgets it if it can be had again. */
  readonly forget?: (manifest: NamedManifest) => Promise<void>
  /** Objects beside the packs. */
  readonly deltas?: {
    keys(): Promise<ReadonlySet<string>>
    /** Those that the next collection deletes. */
    leaving(): Promise<ReadonlySet<string>>
    /** Forgets the deltas that the object is a part of. */
    forget(key: string): Promise<void>
  }
}
