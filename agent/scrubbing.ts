import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import { sleep } from '../lib/chunks/clock.ts'
import type { CollectableIndex } from '../lib/chunks/collectable.ts'
import type { DamageLog } from '../lib/chunks/damage.ts'
import type { RankedSource } from '../lib/chunks/ranking.ts'
import { type Scrubber, scrubber } from '../lib/chunks/scrubber.ts'
import type { ChunkStore } from '../lib/chunks/source.ts'
import type { Pool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import type { ImageTable } from './images.ts'

/** The scrubber of an agent's packs; good copies come from peers and the portal. */
export function agentScrubber(
  { scrubRate }: { readonly scrubRate: number },
  deps: {
    readonly collectable: CollectableIndex
    readonly damage: DamageLog
    readonly images: ImageTable
    readonly sources: (image: string) => readonly RankedSource[]
    readonly store: ChunkStore
    readonly blobs: BlobStore
    readonly pool: Pool
    readonly log: Logger
    readonly clock: () => number
    readonly now: () => Date
    readonly newUlid: () => string
  },
): Scrubber {
  const { collectable, images, sources, pool, clock, newUlid } = deps
  return scrubber({
    ...deps,
    index: collectable,
    verify: verifier(pool),
    newId: newUlid,
    clock: { now: clock, sleep },
    sources: () => Promise.resolve(holdersOf(images, sources)),
    bytesPerSecond: scrubRate,
  })
}

/** Whoever has any image that is here, each once; the portal too where no image is. */
function holdersOf(
  images: ImageTable,
  sources: (image: string) => readonly RankedSource[],
): RankedSource[] {
  const all = ['', ...images.present().map(({ name }) => name)].flatMap((name) => sources(name))
  return [...new Map(all.map((source) => [source.name, source])).values()]
}
