import { readFile } from 'node:fs/promises'
import { sleep } from '../lib/chunks/clock.ts'
import { counted, limitTo } from '../lib/chunks/limit.ts'
import { openMetrics } from '../lib/metrics/starting.ts'
import { ownFolder } from '../lib/ownership.ts'
import type { World } from '../lib/service.ts'
import { listen } from '../lib/rpc/server.ts'
import type { Values } from '../lib/settings.ts'
import { startPool } from '../lib/workers/pool.ts'
import { fingerprinter } from '../lib/workers/verifier.ts'
import { demandArchive } from './archive/archive.ts'
import { openAudit } from './audit/audit.ts'
import { openBlobs } from './blobs.ts'
import { listenForBuilds, listenForChanges } from './db/changes.ts'
import { databaseOf } from './db/chosen.ts'
import { agreeOn } from './db/agreed.ts'
import { recogniseDatabase } from './db/faults.ts'
import { migrate } from './db/migrate.ts'
import { watchHealth } from './health.ts'
import { openEntry } from './identity/entry.ts'
import { portalFigures } from './metrics/reading.ts'
import { mountServices } from './mounts.ts'
import { offerReleased } from './offered/starting.ts'
import type { portalSettings } from './settings.ts'
import { openStores } from './stores.ts'
import { inBackground, worksOf } from './works.ts'

export type PortalSettings = Values<typeof portalSettings>

export type PortalDeps = World

/** A portal that answers. */
export interface Portal extends AsyncDisposable {
  readonly address: string
  /** Where images are offered; empty if they are not. */
  readonly offered: string
  /** Where its figures are; empty if they are nowhere. */
  readonly metrics: string
}

/** Starts the control plane; disposing of it ends what is under way and leaves everything durable. */
export async function startPortal(settings: PortalSettings, deps: PortalDeps): Promise<Portal> {
  const { log } = deps
  await using stack = new AsyncDisposableStack()
  stack.use(ownFolder(settings.data))
  const database = await databaseOf(settings, deps, stack)
  const { sql } = database
  const applied = await migrate(sql)
  if (applied.length > 0) log.info({ applied }, 'database migrated')
  await agreeOn(sql, settings)
  const entry = await openEntry(settings, { ...deps, sql }, stack)
  const { security, standing } = entry
  const blobs = stack.use(await openBlobs(settings, deps))
  const changes = stack.use(await listenForChanges(sql))
  const news = stack.use(await listenForBuilds(sql))
  const audit = stack.use(await openAudit({ ...deps, sql }))
  const pool = stack.use(startPool(deps.threads))
  const given = { ...deps, blobs, verify: fingerprinter(pool) }
  const stores = openStores(settings, database, { ...given, security }, stack)
  const { leases, archive } = stores
  const storage = { ...given, sql, leases }
  const room = { portal: settings.buildsAtOnce, aFacility: settings.facilityBuildsAtOnce }
  const limit = counted(limitTo(settings.serveRate, { now: deps.clock, sleep }))
  const metrics = await openMetrics(settings, log)
  const parts = {
    ...{ ...settings, ...storage, changes, news, room, pool },
    ...{ audit, limit, demandArchive: () => demandArchive(archive), entry },
  }
  const services = mountServices(parts, stores)
  const gate = {
    ...{ ...deps, identify: entry.identify, watch: standing.watch },
    ...{ recognise: recogniseDatabase, denied: audit.denied, ...metrics.gate },
  }
  const descriptors = settings.noReflection ? undefined : await readFile(descriptorFile)
  const server = stack.use(
    await listen(settings.listen, services, gate, descriptors, security.server('something')),
  )
  stack.use(watchHealth(server, sql, blobs, log))
  const offered = await offerReleased(
    settings,
    { ...parts, store: { ...stores.store, heal: stores.main.heal } },
    stack,
  )
  const works = [
    ...worksOf(settings, parts, stores),
    ...entry.works,
    ...(offered === undefined ? [] : [offered.keepOn]),
  ]
  const known = { sql, security, limit, data: settings.data }
  const figures = portalFigures({ ...known, archive: archive && database.archive })
  const told = await metrics.serve(figures, stack)
  for (const work of works) stack.use(inBackground(work))
  const address = addressOf(settings.listen, server.port)
  log.info({ address }, 'portal ready')
  const owned = stack.move()
  const places = { address, offered: offered?.address ?? '', metrics: told }
  return { ...places, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Where it answers, with the port that it got. */
function addressOf(listened: string, port: number): string {
  return listened.replace(/:\d+$/, `:${port}`)
}

const descriptorFile = new URL('../proto/gen/descriptors.binpb', import.meta.url)
