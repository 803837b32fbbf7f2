import type { Logger } from 'pino'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { type Scrubber, scrubber } from '../../lib/chunks/scrubber.ts'
import type { ChunkStore } from '../../lib/chunks/source.ts'
import type { Verify } from '../../lib/chunks/verified.ts'
import type { Sql } from '../db/open.ts'
import { collectableIndex } from '../storage/queries.ts'
import { damageIn } from './damage.ts'
import { type Holders } from './holders.ts'

/** The scrubber of the portal's packs; good copies come from agents. */
export function portalScrubber(
  { scrubRate }: { readonly scrubRate: number },
  deps: {
    readonly sql: Sql
    readonly blobs: BlobStore
    readonly store: ChunkStore
    readonly holders: Holders
    readonly verify: Verify
    readonly log: Logger
    readonly clock: () => number
    readonly now: () => Date
    readonly newUlid: () => string
  },
): Scrubber {
  const { sql, holders, clock, newUlid } = deps
  return scrubber({
    ...deps,
    index: collectableIndex(sql, () => 0),
    damage: damageIn(sql),
    newId: newUlid,
    clock: { now: clock, sleep },
    sources: () => holders.sources(),
    bytesPerSecond: scrubRate,
  })
}
