import type { BlobStore } from '../lib/chunks/blobs.ts'
import { packStore } from '../lib/chunks/packs.ts'
import type { Verify } from '../lib/chunks/verified.ts'
import type { Security } from '../lib/rpc/security.ts'
import { openArchive } from './archive/archive.ts'
import { holdersIn } from './chunks/holders.ts'
import { chunkIndex } from './chunks/queries.ts'
import { portalScrubber } from './chunks/scrubbing.ts'
import type { Database } from './db/chosen.ts'
import type { PortalDeps, PortalSettings } from './portal.ts'
import { portalCollector } from './storage/collecting.ts'
import { leasesIn } from './uploads/leases.ts'

export type Stores = ReturnType<typeof openStores>

/** The portal's own store of chunks and its archive, with what looks after them. */
export function openStores(
  settings: PortalSettings,
  { sql, archive: archiveSql }: Database,
  given: PortalDeps & {
    readonly blobs: BlobStore
    readonly verify: Verify
    readonly security: Security
  },
  stack: AsyncDisposableStack,
) {
  const { blobs, verify, security, newUlid } = given
  const store = packStore({ blobs, index: chunkIndex(sql), newId: newUlid })
  const leases = leasesIn(sql)
  const holders = stack.use(holdersIn(sql, security, verify))
  const collecting = portalCollector(settings, { ...given, sql, leases })
  const scrubbing = portalScrubber(settings, {
    ...{ ...given, sql, store, holders },
    storage: 'present',
  })
  const archive = openArchive(settings, { ...given, sql: archiveSql, main: store, holders })
  if (archive !== undefined) stack.use(archive)
  const main = { sql, store, leases, heal: scrubbing.heal }
  return { ...main, main, archive, collecting, scrubbing }
}
