import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import type { Clock } from '../lib/chunks/clock.ts'
import type { CollectableIndex } from '../lib/chunks/collectable.ts'
import type { DamageLog } from '../lib/chunks/damage.ts'
import { checker, type Heal, healer } from '../lib/chunks/healing.ts'
import type { IntegrityDeps } from '../lib/chunks/integrity.ts'
import type { ChunkIndex } from '../lib/chunks/places.ts'
import type { RankedSource } from '../lib/chunks/ranking.ts'
import { type Scrubber, scrubber } from '../lib/chunks/scrubber.ts'
import type { ChunkStore } from '../lib/chunks/source.ts'
import type { Digest } from '../lib/content/digest.ts'
import type { Pool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import type { ImageTable } from './images.ts'

/** What finds and mends damage in an agent's packs, and what it says of itself; good copies come from peers and the portal. */
export function agentScrubber(
  { scrubRate }: { readonly scrubRate: number },
  deps: {
    readonly collectable: CollectableIndex
    readonly places: ChunkIndex
    readonly damage: DamageLog
    readonly images: ImageTable
    readonly sources: (image: string) => readonly RankedSource[]
    readonly store: ChunkStore
    readonly blobs: BlobStore
    readonly pool: Pool
    readonly log: Logger
    readonly clock: () => number
    readonly sleep: Clock['sleep']
    readonly now: () => Date
    readonly newUlid: () => string
  },
): Scrubber & IntegrityDeps & { readonly heal: Heal } {
  const { collectable, damage, images, sources, pool, clock, sleep, newUlid } = deps
  const all = {
    ...deps,
    index: collectable,
    verify: verifier(pool),
    newId: newUlid,
    clock: { now: clock, sleep },
    sources: () => Promise.resolve(holdersOf(images, sources)),
    bytesPerSecond: scrubRate,
  }
  const [made, heal] = [scrubber(all), healer(all)]
  const needing = (digests: readonly Digest[]) => Promise.resolve(images.needing(digests))
  const check = checker(heal, all)
  return { ...made, scrubber: made, heal, check, index: collectable, damage, needing }
}

/** Whoever has any image that is here, each once; the portal too where no image is. */
function holdersOf(
  images: ImageTable,
  sources: (image: string) => readonly RankedSource[],
): RankedSource[] {
  const all = ['', ...images.present().map(({ name }) => name)].flatMap((name) => sources(name))
  return [...new Map(all.map((source) => [source.name, source])).values()]
}
