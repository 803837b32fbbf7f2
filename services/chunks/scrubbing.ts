import type { Logger } from 'pino'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { checker, type Heal, healer } from '../../lib/chunks/healing.ts'
import type { IntegrityDeps } from '../../lib/chunks/integrity.ts'
import { type Scrubber, scrubber } from '../../lib/chunks/scrubber.ts'
import type { ChunkStore } from '../../lib/chunks/source.ts'
import type { Verify } from '../../lib/chunks/verified.ts'
import type { Digest } from '../../lib/content/digest.ts'
import type { Sql } from '../db/open.ts'
import { collectableIndex } from '../storage/queries.ts'
import { damageIn } from './damage.ts'
import { type Holders } from './holders.ts'
import { chunkIndex } from './queries.ts'
import { imagesNeeding } from './needing.ts'

/** What finds and mends damage in a store of the portal, and what it says of itself; good copies come from `holders`. */
export function portalScrubber(
  { scrubRate }: { readonly scrubRate: number },
  deps: {
    readonly sql: Sql
    readonly blobs: BlobStore
    readonly store: ChunkStore
    readonly holders: Pick<Holders, 'sources'>
    /** Which images' bytes are in this store. */
    readonly storage: 'present' | 'archived'
    readonly verify: Verify
    readonly log: Logger
    readonly clock: () => number
    readonly now: () => Date
    readonly newUlid: () => string
  },
): Scrubber & IntegrityDeps & { readonly heal: Heal } {
  const { sql, holders, storage, clock, newUlid } = deps
  const [index, damage] = [collectableIndex(sql, () => 0), damageIn(sql)]
  const all = {
    ...deps,
    index,
    places: chunkIndex(sql),
    damage,
    newId: newUlid,
    clock: { now: clock, sleep },
    sources: () => holders.sources(),
    bytesPerSecond: scrubRate,
  }
  const made = scrubber(all)
  const heal = healer(all)
  const check = checker(heal, all)
  const needing = (digests: readonly Digest[]) => imagesNeeding(sql, digests, storage)
  return { ...made, scrubber: made, check, heal, index, damage, needing }
}
