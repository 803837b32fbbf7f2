import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import type { Clock } from '../lib/chunks/clock.ts'
import type { CollectableIndex } from '../lib/chunks/collectable.ts'
import { type Collector, collector, collectPolicy } from '../lib/chunks/collector.ts'
import { parseDigest, type Digest } from '../lib/content/digest.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { verifier } from '../lib/workers/verifier.ts'
import type { Pool } from '../lib/workers/pool.ts'
import type { ImageTable } from './images.ts'
import { lapsedImages } from './lapsed.ts'
import type { Needs } from './needs.ts'
import type { SyncState } from './sync.ts'

interface CollectingDeps {
  readonly collectable: CollectableIndex
  readonly needs: Needs
  readonly images: ImageTable
  readonly state: Pick<SyncState, 'desired' | 'heard' | 'bell'>
  readonly blobs: BlobStore
  readonly pool: Pool
  readonly log: Logger
  readonly clock: () => number
  readonly sleep: Clock['sleep']
  readonly now: () => Date
  readonly newUlid: () => string
}

/** The collector of an agent's chunks. What it dooms can be fetched again, so nothing waits to be brought back. */
export function agentCollector(graceMs: number, deps: CollectingDeps): Collector {
  const { collectable, needs, images, state, blobs, pool, log, clock, sleep, newUlid } = deps
  return collector({
    index: collectable,
    blobs,
    verify: verifier(pool),
    newId: newUlid,
    clock: { now: clock, sleep },
    log,
    policy: collectPolicy(graceMs, 0),
    prepare: () => {
      letGo(deps)
      return needs.keepOnly(() => manifestsOf(images.present(), state.desired.images))
    },
  })
}

/** Shows no more what has had its time. What the portal said before the restart is not enough for that: it may be old. */
function letGo({ images, state, log, now }: CollectingDeps): void {
  if (!state.heard) return
  const lapsed = lapsedImages(images.present(), state.desired.images, now())
  for (const name of lapsed) images.forget(name)
  if (lapsed.length === 0) return
  log.info({ images: lapsed }, 'images of our own have expired')
  state.bell.ring()
}

/** The manifests of the images that are here, wanted or not any more, and of those that are to come. */
export function manifestsOf(
  present: readonly Image[],
  desired: readonly { readonly image: Image | undefined }[],
): ReadonlySet<Digest> {
  const coming = desired.flatMap(({ image }) => image ?? [])
  return new Set([...present, ...coming].map(({ digest }) => parseDigest(digest)))
}
