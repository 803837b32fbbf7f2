import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import { sleep } from '../lib/chunks/clock.ts'
import type { CollectableIndex } from '../lib/chunks/collectable.ts'
import { type Collector, collector, collectPolicy } from '../lib/chunks/collector.ts'
import { parseDigest, type Digest } from '../lib/content/digest.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { verifier } from '../lib/workers/verifier.ts'
import type { Pool } from '../lib/workers/pool.ts'
import type { ImageTable } from './images.ts'
import type { Needs } from './needs.ts'
import type { SyncState } from './sync.ts'

/** The collector of an agent's chunks. What it dooms can be fetched again, so nothing waits to be brought back. */
export function agentCollector(
  graceMs: number,
  deps: {
    readonly collectable: CollectableIndex
    readonly needs: Needs
    readonly images: ImageTable
    readonly state: Pick<SyncState, 'desired'>
    readonly blobs: BlobStore
    readonly pool: Pool
    readonly log: Logger
    readonly clock: () => number
    readonly newUlid: () => string
  },
): Collector {
  const { collectable, needs, images, state, blobs, pool, log, clock, newUlid } = deps
  return collector({
    index: collectable,
    blobs,
    verify: verifier(pool),
    newId: newUlid,
    clock: { now: clock, sleep },
    log,
    policy: collectPolicy(graceMs, 0),
    prepare: () => needs.keepOnly(() => manifestsOf(images.present(), state.desired.images)),
  })
}

/** The manifests of the images that are here, wanted or not any more, and of those that are to come. */
export function manifestsOf(
  present: readonly Image[],
  desired: readonly { readonly image: Image | undefined }[],
): ReadonlySet<Digest> {
  const coming = desired.flatMap(({ image }) => image ?? [])
  return new Set([...present, ...coming].map(({ digest }) => parseDigest(digest)))
}
