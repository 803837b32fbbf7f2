import { pino, type Logger } from 'pino'
import { admission } from '../../../agent/admission.ts'
import type { Evictor } from '../../../agent/evicting.ts'
import { keepReporting } from '../../../agent/report.ts'
import { keepsRoom } from '../../../agent/room.ts'
import { projectOnto } from '../../../agent/projection/starting.ts'
import { usualLayout } from '../../../agent/projection/layout.ts'
import { agentScrubber } from '../../../agent/scrubbing.ts'
import { storageOn, type Storage } from '../../../agent/storage.ts'
import { converge, followDesired, type SyncDeps } from '../../../agent/sync.ts'
import { prepareSync } from '../../../agent/syncing.ts'
import { openDirectory } from '../../../lib/chunks/directory.ts'
import type { Heal } from '../../../lib/chunks/healing.ts'
import { limitTo } from '../../../lib/chunks/limit.ts'
import { chunkPlane } from '../../../lib/chunks/plane.ts'
import { chunkService } from '../../../lib/chunks/serve.ts'
import type { Run } from '../../../lib/chunks/source.ts'
import type { World } from '../../../lib/service.ts'
import type { Host, HostDeps } from './host.ts'
import { handlersOf, type Client } from './network.ts'
import { poolHere } from './pool.ts'
import type { Process } from './process.ts'
import type { Timeline } from './timeline.ts'
import { waysOf } from './ways.ts'

/** What an agent is told when it is started. */
export interface HostSettings {
  readonly mostBytes: number | undefined
  readonly fetchRate: number | undefined
  readonly keepUnwanted: number
  readonly collectGrace: number
  readonly packBytes: number
}

/** An agent that runs. */
export interface Running {
  readonly process: Process
  readonly storage: Storage
  readonly sync: SyncDeps
  readonly evicting: Evictor
  readonly heal: Heal
}

/** An agent as `agent.ts` puts it together, but for its sockets, its builds and what it shows to people. */
export async function runAgent(host: Host, process: Process, deps: HostDeps): Promise<Running> {
  const { name, disk, database, server } = host
  const { time, chance, settings } = deps
  const log = logOf(name, process, time)
  const hex = (): string =>
    chance
      .between(0, 2 ** 32 - 1)
      .toString(16)
      .padStart(8, '0')
  const world: World = {
    ...{ log, now: process.now, clock: () => time.now(), sleep: time.sleep(process), threads: 2 },
    newUuid: () => `${hex()}-${hex()}`,
    newUlid: deps.newId,
  }
  const db = database.open(process)
  const path = `/${name}/chunks`
  const startedAt = process.now().getTime()
  const blobs = await openDirectory({ path, startedAt, now: startedAt }, disk.files(process))
  const full = () => Promise.resolve({ usedBytes: disk.usedBytes(), totalBytes: disk.totalBytes })
  const ground = { db, blobs, pool: poolHere, disk: full, packBytes: settings.packBytes }
  const storage = await storageOn(ground, world)
  const client: Client = {
    life: process,
    caller: { name, role: { kind: 'agent', facility: name } },
  }
  const told = { facility: name, listen: name, fetchWindow: undefined, ...settings }
  const stack = new AsyncDisposableStack()
  const ways = waysOf(client, deps)
  const { served, sources, ...syncing } = prepareSync(told, world, ways, storage, stack)
  const marks = { evictAbove: 0.9, evictBelow: undefined, keepUsed: 0, evictEvery: 15_000 }
  const often = { collectEvery: 25_000, data: name }
  const room = keepsRoom({ ...told, ...marks, ...often }, syncing, storage, world)
  const sync = { ...syncing, ...room.forImages }
  const scrubbing = agentScrubber({ scrubRate: 1e9 }, { ...world, ...storage, sources })
  const { shelf, make } = host.bucket.open(process)
  const layout = { projectLayout: usualLayout, projectAs: 'raw' as const, projectAliases: ['all'] }
  const healing = { ...storage, store: { ...storage.store, heal: scrubbing.heal } }
  const projection = projectOnto(shelf, layout, { ...world, sync, storage: healing }, make)
  const admit = admission({
    images: storage.images,
    keys: () => sync.state.desired.ticketKeys,
    now: process.now,
  })
  const limit = limitTo(undefined, sync.clock)
  const onSent = (run: Run): void => {
    deps.onSent(host, run)
  }
  server.life = process
  server.handlers = new Map(
    handlersOf(chunkPlane, chunkService({ source: served, admit, limit, onSent })),
  )
  const { signal } = new AbortController()
  const loops = {
    follow: followDesired(name, sync, signal),
    converge: converge(sync, signal),
    report: keepReporting({ facility: name, peerAddress: name }, sync, signal),
    evict: room.evict(signal),
    upkeep: Promise.all(room.upkeep.map((keep) => keep(signal))),
    scrub: scrubbing.keepOn(120_000, signal),
    project: projection.keepOn(signal),
  }
  for (const [loop, going] of Object.entries(loops)) {
    going.catch((error: unknown) => {
      if (!process.isOver) deps.onDefect(`${name}: its loop "${loop}" ended: ${String(error)}`)
    })
  }
  return { process, storage, sync, evicting: room.evicting, heal: scrubbing.heal }
}

/** What it logs is a part of the trace; the rest of a line may name places that differ from run to run. */
function logOf(name: string, life: Process, time: Timeline): Logger {
  const write = (text: string): void => {
    const { msg, ...rest } = JSON.parse(text) as { readonly msg: string }
    if (life.isOver) return
    time.note(`${name}: ${msg}`)
    time.explain(JSON.stringify(rest))
  }
  return pino({ level: 'info', base: null, timestamp: false }, { write })
}
