import { join, resolve } from 'node:path'
import { makeBell } from '../lib/bell.ts'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import { sleep } from '../lib/chunks/clock.ts'
import type { CollectableIndex } from '../lib/chunks/collectable.ts'
import type { DamageLog } from '../lib/chunks/damage.ts'
import { openDirectory } from '../lib/chunks/directory.ts'
import { packStore } from '../lib/chunks/packs.ts'
import { chunkPlane } from '../lib/chunks/plane.ts'
import { chunkService } from '../lib/chunks/serve.ts'
import type { ChunkStore, Run } from '../lib/chunks/source.ts'
import { verified } from '../lib/chunks/verified.ts'
import { ownFolder } from '../lib/ownership.ts'
import type { World } from '../lib/service.ts'
import { identifyInsecurely } from '../lib/rpc/caller.ts'
import { demandDevelopment } from '../lib/rpc/development.ts'
import { mount, type Gate } from '../lib/rpc/serve.ts'
import type { Values } from '../lib/settings.ts'
import { startPool, type Pool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import { LocalServiceService } from '../proto/gen/merge/image/v1/local.ts'
import { localAccess, peerAccess } from './access.ts'
import { collectableIn } from './collectable.ts'
import { agentCollector } from './collecting.ts'
import { damageIn } from './damage.ts'
import { openAgentDatabase } from './database.ts'
import { deltaFetch } from './deltas.ts'
import { draftsIn, type Drafts } from './drafts.ts'
import { imagesIn, type ImageTable } from './images.ts'
import { localService } from './local.ts'
import { findLostPacks } from './lost.ts'
import { needsIn, type Needs } from './needs.ts'
import { openPeers } from './peers.ts'
import { placesIn } from './places.ts'
import { keepReporting } from './report.ts'
import { agentScrubber } from './scrubbing.ts'
import { servePeers, serveSocket } from './serving.ts'
import type { agentSettings } from './settings.ts'
import { converge, followDesired, type SyncDeps } from './sync.ts'
import { openUpstream } from './upstream.ts'
import { writesOut } from './writeout.ts'

export type AgentSettings = Values<typeof agentSettings>

export type AgentDeps = World

/** An agent at work. */
export interface Agent extends AsyncDisposable {
  readonly socket: string
  /** Where it serves peers; empty if it does not. */
  readonly peerAddress: string
}

/** Starts a facility's agent; disposing of it ends what is under way and leaves everything durable. */
export async function startAgent(settings: AgentSettings, deps: AgentDeps): Promise<Agent> {
  const { facility } = settings
  const log = deps.log.child({ facility })
  demandDevelopment(settings.insecureDev, settings.listen, log)
  await using stack = new AsyncDisposableStack()
  const data = resolve(settings.data)
  const storage = await openStorage(data, { ...deps, log }, stack)
  const { store, drafts, pool } = storage
  const sync = prepareSync(settings, { ...deps, log }, storage, stack)
  const gate = { identify: identifyInsecurely, log, clock: deps.clock, recognise: asItIs }
  let servedBytes = 0n
  const onSent = ({ payload }: Run): void => {
    servedBytes += BigInt(payload.length)
  }
  const chunks = mount(chunkPlane, chunkService({ source: store, onSent }), peerAccess)
  const peerAddress = await answerPeers(settings, chunks, gate, stack)
  const local = localService({
    ...sync,
    facility,
    peerAddress,
    now: deps.now,
    newUuid: deps.newUuid,
    writeOut: writesOut({ store, pool, drafts, newUuid: deps.newUuid }),
    servedBytes: () => servedBytes,
  })
  const socket = resolve(settings.socket ?? join(data, 'agent.sock'))
  stack.use(await serveSocket(socket, mount(LocalServiceService, local, localAccess), gate))
  const { collectEvery, collectGrace, scrubEvery } = settings
  const collecting = agentCollector(collectGrace, { ...deps, ...storage, log, state: sync.state })
  const { sources } = sync
  const scrubbing = agentScrubber(settings, { ...deps, ...storage, log, sources })
  keepGoing(
    [
      (signal) => followDesired(facility, sync, signal),
      (signal) => converge(sync, signal),
      (signal) => keepReporting({ facility, peerAddress }, sync, signal),
      (signal) => collecting.keepOn(collectEvery, signal),
      (signal) => scrubbing.keepOn(scrubEvery, signal),
    ],
    stack,
  )
  log.info({ socket, peerAddress, portal: settings.portal }, 'agent ready')
  const owned = stack.move()
  return { socket, peerAddress, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const asItIs = (error: unknown): unknown => error

interface Storage {
  readonly store: ChunkStore
  readonly images: ImageTable
  readonly needs: Needs
  readonly collectable: CollectableIndex
  readonly damage: DamageLog
  readonly blobs: BlobStore
  readonly drafts: Drafts
  readonly pool: Pool
}

async function openStorage(
  data: string,
  deps: AgentDeps,
  stack: AsyncDisposableStack,
): Promise<Storage> {
  stack.use(ownFolder(data))
  const db = openAgentDatabase(data)
  stack.defer(() => {
    db.close()
  })
  const images = imagesIn(db)
  const index = placesIn(db)
  const startedAt = deps.now().getTime()
  const blobs = stack.use(await openDirectory({ path: join(data, 'chunks'), startedAt }))
  await findLostPacks(blobs, images.packs(), index, deps.log)
  const pool = stack.use(startPool(deps.threads))
  const store = packStore({ blobs, index, newId: deps.newUlid })
  const needs = needsIn(db)
  const collectable = collectableIn(db, needs.takeRevived)
  const damage = damageIn(db)
  return { store, images, needs, collectable, damage, blobs, drafts: draftsIn(db), pool }
}

function prepareSync(
  { facility, portal: address }: AgentSettings,
  { log, clock }: AgentDeps,
  { store, images, needs, pool }: Storage,
  stack: AsyncDisposableStack,
): SyncDeps {
  const verify = verifier(pool)
  const upstream = stack.use(openUpstream(address, facility))
  const peers = stack.use(openPeers(facility, verify))
  const source = verified(upstream.chunks, verify)
  const portal = { name: 'portal', origin: 'portal', source } as const
  const state = {
    desired: images.desired(),
    applied: 0n,
    unreachable: undefined,
    transfers: new Map(),
    bell: makeBell(),
  }
  return {
    state,
    images,
    needs,
    store,
    upstream,
    clock: { now: clock, sleep },
    log,
    deltas: deltaFetch({ upstream, images, store, pool, log, clock: { now: clock, sleep } }),
    sources: (image) => [...peers.holding(image, state.desired), portal],
  }
}

/** Where peers find this agent's chunks; empty if it is not to serve them. */
async function answerPeers(
  { listen: address, advertise }: AgentSettings,
  chunks: ReturnType<typeof mount>,
  gate: Gate,
  stack: AsyncDisposableStack,
): Promise<string> {
  if (address === undefined) return ''
  const { port } = stack.use(await servePeers(address, chunks, gate))
  return advertise ?? address.replace(/:\d+$/, `:${port}`)
}

function keepGoing(
  loops: readonly ((signal: AbortSignal) => Promise<void>)[],
  stack: AsyncDisposableStack,
): void {
  const stopping = new AbortController()
  const going = loops.map((loop) => loop(stopping.signal))
  stack.defer(async () => {
    stopping.abort()
    await Promise.allSettled(going)
  })
}
