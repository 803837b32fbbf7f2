import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { sleep } from '../../lib/chunks/clock.ts'
import { chunkPlane } from '../../lib/chunks/plane.ts'
import { makeLog } from '../../lib/log.ts'
import { connect, openChannel, type Channel } from '../../lib/rpc/connect.ts'
import { AccessServiceService } from '../../proto/gen/merge/image/v1/access.ts'
import { AgentServiceService } from '../../proto/gen/merge/image/v1/agent.ts'
import { AliasServiceService } from '../../proto/gen/merge/image/v1/alias.ts'
import { AuditServiceService } from '../../proto/gen/merge/image/v1/audit.ts'
import { BuildServiceService } from '../../proto/gen/merge/image/v1/build.ts'
import { CatalogServiceService } from '../../proto/gen/merge/image/v1/catalog.ts'
import { DeltaServiceService } from '../../proto/gen/merge/image/v1/delta.ts'
import { FacilityServiceService } from '../../proto/gen/merge/image/v1/facility.ts'
import { HoldServiceService } from '../../proto/gen/merge/image/v1/hold.ts'
import { ImageServiceService } from '../../proto/gen/merge/image/v1/image.ts'
import { IntegrityServiceService } from '../../proto/gen/merge/image/v1/integrity.ts'
import { ResolverServiceService } from '../../proto/gen/merge/image/v1/resolver.ts'
import { RetentionServiceService } from '../../proto/gen/merge/image/v1/retention.ts'
import { SyncRuleServiceService } from '../../proto/gen/merge/image/v1/rule.ts'
import { SourceServiceService } from '../../proto/gen/merge/image/v1/source.ts'
import { StorageServiceService } from '../../proto/gen/merge/image/v1/storage.ts'
import { UploadServiceService } from '../../proto/gen/merge/image/v1/upload.ts'
import type { Sql } from '../../services/db/open.ts'
import { startPortal } from '../../services/portal.ts'
import { portalSettings } from '../../services/settings.ts'
import { readSettings } from '../../lib/settings.ts'
import { freshDatabase } from './database.ts'
import { temporaryFolder } from './folder.ts'

export type Clients = ReturnType<typeof clientsOver>

/** Every service of a portal, called as somebody. */
export function clientsAs(address: string, caller: string): Clients {
  return clientsOver(openChannel(address, caller))
}

/** Every service of a portal, called over a channel that is theirs. */
export function clientsOver(channel: Channel) {
  return {
    catalog: connect(CatalogServiceService, channel),
    images: connect(ImageServiceService, channel),
    aliases: connect(AliasServiceService, channel),
    resolver: connect(ResolverServiceService, channel),
    holds: connect(HoldServiceService, channel),
    builds: connect(BuildServiceService, channel),
    uploads: connect(UploadServiceService, channel),
    chunks: connect(chunkPlane, channel),
    deltas: connect(DeltaServiceService, channel),
    facilities: connect(FacilityServiceService, channel),
    rules: connect(SyncRuleServiceService, channel),
    sources: connect(SourceServiceService, channel),
    retention: connect(RetentionServiceService, channel),
    storage: connect(StorageServiceService, channel),
    integrity: connect(IntegrityServiceService, channel),
    agents: connect(AgentServiceService, channel),
    audit: connect(AuditServiceService, channel),
    access: connect(AccessServiceService, channel),
    [Symbol.dispose]: () => {
      channel[Symbol.dispose]()
    },
  }
}

/** A whole portal in this process, with a folder of its own and, unless it shares another's, a database of its own. */
export async function freshPortal(
  now: () => Date = () => new Date(),
  shared?: { readonly url: string; readonly sql: Sql },
  more: readonly string[] = [],
  security: readonly string[] = ['--insecure-dev'],
) {
  const stack = new AsyncDisposableStack()
  const database = shared ?? stack.use(await freshDatabase())
  const folder = stack.use(await temporaryFolder())
  const flags = ['--data', join(folder.path, 'portal'), '--database', database.url]
  const settings = readSettings(
    portalSettings,
    [...flags, '--listen', '127.0.0.1:0', ...security, ...more],
    {},
    'TEST',
  )
  const portal = stack.use(
    await startPortal(settings, {
      log: makeLog('silent'),
      now,
      clock: () => performance.now(),
      sleep,
      newUuid: randomUUID,
      newUlid: ulid,
      threads: 2,
    }),
  )
  const clients = (caller: string) => stack.use(clientsAs(portal.address, caller))
  return {
    address: portal.address,
    /** Where it offers images; empty if it does not. */
    offered: portal.offered,
    /** Where its figures are; empty if they are nowhere. */
    metrics: portal.metrics,
    sql: database.sql,
    database: { url: database.url, sql: database.sql },
    folder: folder.path,
    as: clients,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
