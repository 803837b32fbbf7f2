import type { Logger } from 'pino'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { type Collector, collector, collectPolicy } from '../../lib/chunks/collector.ts'
import type { Verify } from '../../lib/chunks/verified.ts'
import type { Sql } from '../db/open.ts'
import type { Leases } from '../uploads/leases.ts'
import { collectableIndex, lapseUploads } from './queries.ts'

/** The collector of a store of the portal. */
export function portalCollector(
  settings: { readonly collectGrace: number; readonly undelete: number },
  deps: {
    readonly sql: Sql
    readonly blobs: BlobStore
    readonly leases: Leases
    readonly verify: Verify
    readonly log: Logger
    readonly clock: () => number
    readonly newUlid: () => string
    /** Goes before each cycle, which does not take place if it fails. */
    readonly demand?: () => Promise<void>
  },
): Collector {
  const { sql, blobs, leases, verify, log, clock, newUlid } = deps
  return collector({
    index: collectableIndex(sql, leases.takeRevived),
    blobs,
    verify,
    newId: newUlid,
    clock: { now: clock, sleep },
    log,
    policy: collectPolicy(settings.collectGrace, settings.undelete),
    async prepare() {
      await deps.demand?.()
      await lapseUploads(sql)
    },
  })
}
