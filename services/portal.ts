import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import { sleep } from '../lib/chunks/clock.ts'
import { limitTo } from '../lib/chunks/limit.ts'
import { integrityService } from '../lib/chunks/integrity.ts'
import { packStore } from '../lib/chunks/packs.ts'
import { chunkPlane } from '../lib/chunks/plane.ts'
import { chunkService } from '../lib/chunks/serve.ts'
import { ownFolder } from '../lib/ownership.ts'
import type { World } from '../lib/service.ts'
import { openSecurity } from '../lib/rpc/security.ts'
import { mount } from '../lib/rpc/serve.ts'
import { listen, type Listening } from '../lib/rpc/server.ts'
import type { Values } from '../lib/settings.ts'
import { startPool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import { AliasServiceService } from '../proto/gen/merge/image/v1/alias.ts'
import { AuditServiceService } from '../proto/gen/merge/image/v1/audit.ts'
import { BuildServiceService } from '../proto/gen/merge/image/v1/build.ts'
import { CatalogServiceService } from '../proto/gen/merge/image/v1/catalog.ts'
import { DeltaServiceService } from '../proto/gen/merge/image/v1/delta.ts'
import { FacilityServiceService } from '../proto/gen/merge/image/v1/facility.ts'
import { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { IntegrityServiceService } from '../proto/gen/merge/image/v1/integrity.ts'
import { StorageServiceService } from '../proto/gen/merge/image/v1/storage.ts'
import { UploadServiceService } from '../proto/gen/merge/image/v1/upload.ts'
import * as access from './access.ts'
import { agentService } from './agents/service.ts'
import { aliasService } from './aliases/service.ts'
import { openAudit } from './audit/audit.ts'
import { keepChaining } from './audit/chaining.ts'
import { openBlobs } from './blobs.ts'
import { buildService } from './builds/handlers.ts'
import { keepBuilding } from './builds/keeping.ts'
import { catalogService } from './catalog/service.ts'
import { holdersIn } from './chunks/holders.ts'
import { chunkIndex } from './chunks/queries.ts'
import { portalScrubber } from './chunks/scrubbing.ts'
import { listenForBuilds, listenForChanges } from './db/changes.ts'
import { databaseOf } from './db/chosen.ts'
import { recogniseDatabase } from './db/faults.ts'
import { migrate } from './db/migrate.ts'
import type { Sql } from './db/open.ts'
import { keepPreparing } from './deltas/prepare.ts'
import { deltaService } from './deltas/service.ts'
import { facilityService } from './facilities/service.ts'
import { imageService } from './images/service.ts'
import { keepLives } from './retention/keeping.ts'
import { resolverService } from './resolver/service.ts'
import { resolverPlane } from './resolver/wire.ts'
import type { portalSettings } from './settings.ts'
import { portalCollector } from './storage/collecting.ts'
import { storageService } from './storage/service.ts'
import { ticketKeys } from './tickets/keys.ts'
import { leasesIn } from './uploads/leases.ts'
import { uploadService } from './uploads/service.ts'
import { uploadsInto } from './uploads/storing.ts'

export type PortalSettings = Values<typeof portalSettings>

export type PortalDeps = World

/** A portal that answers. */
export interface Portal extends AsyncDisposable {
  readonly address: string
}

/** Starts the control plane; disposing of it ends what is under way and leaves everything durable. */
export async function startPortal(settings: PortalSettings, deps: PortalDeps): Promise<Portal> {
  const { log, newUlid } = deps
  const security = await openSecurity(settings, 'portal', deps)
  await using stack = new AsyncDisposableStack()
  stack.use(ownFolder(settings.data))
  const sql = await databaseOf(settings, deps, stack)
  const applied = await migrate(sql)
  if (applied.length > 0) log.info({ applied }, 'database migrated')
  const blobs = stack.use(await openBlobs(settings, deps))
  const changes = stack.use(await listenForChanges(sql))
  const news = stack.use(await listenForBuilds(sql))
  const audit = stack.use(await openAudit({ ...deps, sql }))
  const pool = stack.use(startPool(deps.threads))
  const store = packStore({ blobs, index: chunkIndex(sql), newId: newUlid })
  const leases = leasesIn(sql)
  const storage = { ...deps, sql, blobs, leases, verify: verifier(pool) }
  const collecting = portalCollector(settings, storage)
  const holders = stack.use(holdersIn(sql, security, storage.verify))
  const scrubbing = portalScrubber(settings, { ...storage, store, holders })
  const limit = limitTo(settings.serveRate, { now: deps.clock, sleep })
  const chunks = chunkService({ source: store, limit, uploads: uploadsInto(store, storage) })
  const tickets = { keys: ticketKeys({ ...deps, sql }), now: deps.now }
  const room = { portal: settings.buildsAtOnce, aFacility: settings.facilityBuildsAtOnce }
  const building = { ...settings, ...storage, news, room }
  const services = [
    mount(CatalogServiceService, catalogService({ sql }), access.catalogAccess),
    mount(ImageServiceService, imageService({ sql, ...deps }), access.imageAccess),
    mount(AliasServiceService, aliasService({ sql }), access.aliasAccess),
    mount(resolverPlane, resolverService({ sql, ...deps }), access.resolverAccess),
    mount(BuildServiceService, buildService(building), access.buildAccess),
    mount(UploadServiceService, uploadService({ sql, leases, ...deps }), access.uploadAccess),
    mount(chunkPlane, chunks, access.chunkAccess),
    mount(DeltaServiceService, deltaService({ sql, blobs, limit }), access.deltaAccess),
    mount(FacilityServiceService, facilityService({ sql }), access.facilityAccess),
    mount(StorageServiceService, storageService(collecting), access.storageAccess),
    mount(IntegrityServiceService, integrityService(scrubbing), access.integrityAccess),
    mount(AuditServiceService, audit.service, access.auditAccess),
    mount(AgentServiceService, agentService({ sql, changes, tickets }), access.agentAccess),
  ]
  const { identify } = security
  const gate = { ...deps, identify, recognise: recogniseDatabase, denied: audit.denied }
  const descriptors = settings.noReflection ? undefined : await readFile(descriptorFile)
  const server = stack.use(
    await listen(settings.listen, services, gate, descriptors, security.server),
  )
  stack.use(watchHealth(server, sql, blobs, log))
  stack.use(
    inBackground((signal) => keepPreparing({ ...deps, sql, blobs, source: store, pool }, signal)),
  )
  stack.use(inBackground((signal) => keepBuilding(building, signal)))
  stack.use(inBackground((signal) => keepLives(storage, signal)))
  stack.use(inBackground((signal) => keepChaining(storage, signal)))
  stack.use(inBackground((signal) => collecting.keepOn(settings.collectEvery, signal)))
  stack.use(inBackground((signal) => scrubbing.keepOn(settings.scrubEvery, signal)))
  const [host = ''] = /^.*(?=:)/.exec(settings.listen) ?? []
  const address = `${host}:${server.port}`
  log.info({ address }, 'portal ready')
  const owned = stack.move()
  return { address, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const descriptorFile = new URL('../proto/gen/descriptors.binpb', import.meta.url)

/** Work that goes on until it is told to end, and is waited for. */
function inBackground(work: (signal: AbortSignal) => Promise<void>): AsyncDisposable {
  const stopping = new AbortController()
  const working = work(stopping.signal)
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.allSettled([working])
    },
  }
}

const healthMs = 5_000

/** Says NOT_SERVING while the database or the store cannot be reached. */
function watchHealth(server: Listening, sql: Sql, blobs: BlobStore, log: Logger): Disposable {
  let healthy = true
  const look = async (): Promise<void> => {
    const fault = await Promise.all([sql`select 1`, blobs.stat('packs/none')]).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (healthy !== (fault === undefined)) log.warn({ err: fault }, 'health changed')
    healthy = fault === undefined
    server.setHealthy(healthy)
  }
  const timer = setInterval(() => void look(), healthMs)
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
    },
  }
}
