import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import { sleep } from '../lib/chunks/clock.ts'
import { limitTo } from '../lib/chunks/limit.ts'
import { integrityService } from '../lib/chunks/integrity.ts'
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
import { keepMoving, type MovingDeps } from './archive/moving.ts'
import { aliasService } from './aliases/service.ts'
import { openBlobs } from './blobs.ts'
import { buildService } from './builds/handlers.ts'
import { keepBuilding, type KeepingDeps } from './builds/keeping.ts'
import { catalogService } from './catalog/service.ts'
import { listenForBuilds, listenForChanges } from './db/changes.ts'
import { databaseOf } from './db/chosen.ts'
import { agreeOn } from './db/agreed.ts'
import { recogniseDatabase } from './db/faults.ts'
import { migrate } from './db/migrate.ts'
import type { Sql } from './db/open.ts'
import { keepPreparing, type PrepareDeps } from './deltas/prepare.ts'
import { deltaService } from './deltas/service.ts'
import { facilityService } from './facilities/service.ts'
import { imageService } from './images/service.ts'
import { keepLives } from './retention/keeping.ts'
import { resolverService } from './resolver/service.ts'
import { resolverPlane } from './resolver/wire.ts'
import type { portalSettings } from './settings.ts'
import { openStores, type Stores } from './stores.ts'
import { storageService } from './storage/service.ts'
import { ticketKeys } from './tickets/keys.ts'
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
  const { log } = deps
  const security = await openSecurity(settings, 'portal', deps)
  await using stack = new AsyncDisposableStack()
  stack.use(ownFolder(settings.data))
  const database = await databaseOf(settings, deps, stack)
  const { sql } = database
  const applied = await migrate(sql)
  if (applied.length > 0) log.info({ applied }, 'database migrated')
  await agreeOn(sql, settings)
  const blobs = stack.use(await openBlobs(settings, deps))
  const changes = stack.use(await listenForChanges(sql))
  const news = stack.use(await listenForBuilds(sql))
  const pool = stack.use(startPool(deps.threads))
  const given = { ...deps, blobs, verify: verifier(pool) }
  const stores = openStores(settings, database, { ...given, security }, stack)
  const { store, leases, archive, collecting, scrubbing } = stores
  const storage = { ...given, sql, leases }
  const limit = limitTo(settings.serveRate, { now: deps.clock, sleep })
  const chunks = chunkService({ source: store, limit, uploads: uploadsInto(store, storage) })
  const tickets = { keys: ticketKeys({ ...deps, sql }), now: deps.now }
  const room = { everywhere: settings.buildsAtOnce, aFacility: settings.facilityBuildsAtOnce }
  const services = [
    mount(CatalogServiceService, catalogService({ sql }), access.catalogAccess),
    mount(
      ImageServiceService,
      imageService({ sql, changes, archive, ...deps }),
      access.imageAccess,
    ),
    mount(AliasServiceService, aliasService({ sql }), access.aliasAccess),
    mount(resolverPlane, resolverService({ sql, ...deps }), access.resolverAccess),
    mount(BuildServiceService, buildService({ ...storage, news, room }), access.buildAccess),
    mount(UploadServiceService, uploadService({ sql, leases, ...deps }), access.uploadAccess),
    mount(chunkPlane, chunks, access.chunkAccess),
    mount(DeltaServiceService, deltaService({ sql, blobs, limit }), access.deltaAccess),
    mount(FacilityServiceService, facilityService({ sql }), access.facilityAccess),
    mount(StorageServiceService, storageService(collecting), access.storageAccess),
    mount(IntegrityServiceService, integrityService(scrubbing), access.integrityAccess),
    mount(AgentServiceService, agentService({ sql, changes, tickets }), access.agentAccess),
  ]
  const gate = {
    identify: security.identify,
    log,
    clock: deps.clock,
    recognise: recogniseDatabase,
  }
  const descriptors = settings.noReflection ? undefined : await readFile(descriptorFile)
  const server = stack.use(
    await listen(settings.listen, services, gate, descriptors, security.server),
  )
  stack.use(watchHealth(server, sql, blobs, log))
  const works = worksOf(settings, { ...storage, pool }, stores)
  for (const work of works) stack.use(inBackground(work))
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

type Work = (signal: AbortSignal) => Promise<void>

/** What goes on beside the calls; the archive is looked after as the portal's own store is. */
function worksOf(
  { collectEvery, scrubEvery, database }: PortalSettings,
  storage: KeepingDeps & Omit<PrepareDeps, 'source'> & Pick<MovingDeps, 'verify'>,
  stores: Stores,
): readonly Work[] {
  const { store, archive } = stores
  // Nobody else comes to the database in its own folder.
  const alone = database === undefined
  const kept = archive === undefined ? [stores] : [stores, archive]
  return [
    (signal) => keepPreparing({ ...storage, source: store }, signal),
    (signal) => keepBuilding(storage, signal),
    (signal) => keepLives(storage, signal),
    (signal) => keepMoving({ ...storage, ...stores, alone }, signal),
    ...kept.flatMap(({ collecting, scrubbing }): Work[] => [
      (signal) => collecting.keepOn(collectEvery, signal),
      (signal) => scrubbing.keepOn(scrubEvery, signal),
    ]),
  ]
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
