import { join, resolve } from 'node:path'
import { counted, limitTo, type Limit } from '../lib/chunks/limit.ts'
import { integrityService } from '../lib/chunks/integrity.ts'
import { chunkPlane } from '../lib/chunks/plane.ts'
import { openRemotes } from '../lib/chunks/remotes.ts'
import { chunkService } from '../lib/chunks/serve.ts'
import type { ChunkSource, Run } from '../lib/chunks/source.ts'
import { openMetrics } from '../lib/metrics/starting.ts'
import { portalsOwn } from '../lib/names/name.ts'
import type { World } from '../lib/service.ts'
import type { Surroundings } from './build/machine.ts'
import { prepareBuilding } from './build/starting.ts'
import { prepareImporting } from './import/starting.ts'
import { customPublisher, portalPublisher } from './publishing.ts'
import { identifyInsecurely } from '../lib/rpc/caller.ts'
import { openSecurity, type Security } from '../lib/rpc/security.ts'
import type { Renewable } from '../lib/rpc/shown.ts'
import { mount, type Gate } from '../lib/rpc/serve.ts'
import type { Values } from '../lib/settings.ts'
import { verifier } from '../lib/workers/verifier.ts'
import { IntegrityServiceService } from '../proto/gen/merge/image/v1/integrity.ts'
import { LocalServiceService } from '../proto/gen/merge/image/v1/local.ts'
import { SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'
import { integrityAccess, localAccess, peerAccess, ruleAccess } from './access.ts'
import { admission } from './admission.ts'
import { forwarded } from './forwarding.ts'
import { refusing } from './identity/refusing.ts'
import { keepRenewing } from './identity/renewing.ts'
import { whoIs, type Who } from './identity/who.ts'
import { localService } from './local.ts'
import { offerPresent } from './offered/starting.ts'
import { agentFigures } from './metrics.ts'
import { prepareProjection } from './projection/starting.ts'
import { keepReporting } from './report.ts'
import { keepsRoom } from './room.ts'
import { agentScrubber } from './scrubbing.ts'
import { servePeers, serveSocket } from './serving.ts'
import type { agentSettings } from './settings.ts'
import { openStorage, type Storage } from './storage.ts'
import { converge, followDesired, type SyncDeps, type SyncState } from './sync.ts'
import { prepareSync, type Ways } from './syncing.ts'
import { openUpstream, type Upstream } from './upstream.ts'
import { keepLooking } from './usage.ts'
import { writesOut } from './writeout.ts'

/** The settings, with what the agent was told when it joined. */
export type AgentSettings = Values<typeof agentSettings> & Pick<Who, 'facility' | 'portal'>

export interface AgentDeps extends World {
  readonly surroundings: Surroundings
}

/** An agent at work. */
export interface Agent extends AsyncDisposable {
  readonly socket: string
  /** Where it serves peers; empty if it does not. */
  readonly peerAddress: string
  /** Where it offers images; empty if it does not. */
  readonly offered: string
  /** Where its figures are; empty if they are nowhere. */
  readonly metrics: string
}

/** Starts a facility's agent; disposing of it ends what is under way and leaves everything durable. */
export async function startAgent(
  given: Values<typeof agentSettings>,
  deps: AgentDeps,
): Promise<Agent> {
  const { shown, ...who } = await whoIs(given, deps.now())
  const log = deps.log.child({ facility: who.facility })
  return runAgent({ ...given, ...who }, shown, { ...deps, log })
}

async function runAgent(
  settings: AgentSettings,
  shown: Renewable | undefined,
  deps: AgentDeps,
): Promise<Agent> {
  const [{ facility, portal }, { log }] = [settings, deps]
  const isPortals = facility === portalsOwn
  const security = await openSecurity(settings, `agent:${facility}`, deps, () => shown)
  await using stack = new AsyncDisposableStack()
  const data = resolve(settings.data)
  const storage = await openStorage(data, deps, stack)
  const { store, drafts, pool, usage } = storage
  const prepared = prepareSync(settings, deps, waysOver(security, portal, stack), storage, stack)
  const { served: present, sources, ...syncing } = prepared
  const room = keepsRoom(settings, syncing, storage, deps)
  const sync = { ...syncing, ...room.forImages }
  const metrics = await openMetrics(settings, log)
  const gate = { ...owners, log, clock: deps.clock, ...metrics.gate }
  const limit = counted(limitTo(settings.serveRate, { now: deps.clock, sleep: deps.sleep }))
  const served = sharesChunks(limit, present, sync.state, storage, deps)
  const guard = refusing(security, () => sync.state.desired.revokedSerials)
  const peerAddress = await answerPeers(settings, served.chunks, gate, guard, stack)
  const scrubbing = agentScrubber(settings, { ...deps, ...storage, sources })
  const healed = { ...store, heal: scrubbing.heal }
  const publishing = { ...sync, places: storage.places, pool, newUuid: deps.newUuid }
  const publisher = isPortals ? portalPublisher(publishing) : customPublisher(publishing)
  const working = { ...deps, facility, clock: sync.clock, upstream: sync.upstream, publisher }
  const works = await prepareWorks(settings, data, working)
  const showing = { ...deps, data, isPortals, sync, storage: { ...storage, store: healed } }
  const projecting = await prepareProjection(settings, showing, stack)
  const offered = await offerPresent(settings, { ...showing, facility, limit }, stack)
  const local = localService({
    ...sync,
    ...{ publisher, builders: settings.build, imports: settings.import, projecting },
    ...{ store: healed, verify: verifier(pool), places: storage.places },
    ...{ facility, peerAddress, now: deps.now, newUuid: deps.newUuid },
    writeOut: writesOut({ store: healed, pool, drafts, usage, newUuid: deps.newUuid }),
    ...{ evicting: room.evicting, limits: room.limits, servedBytes: served.bytes },
  })
  const socket = await answerOwner(settings, { local, scrubbing, ...sync }, gate, stack)
  const figures = agentFigures({ ...showing, facility, security, limit })
  const told = await metrics.serve(figures, stack)
  const ofFacility: readonly Loop[] = [
    ...syncLoops({ facility, peerAddress }, sync),
    room.evict,
    ...[projecting, offered].flatMap((shown) => (shown === undefined ? [] : [shown.keepOn])),
    (signal) => keepLooking(usage, sync.clock, signal),
  ]
  const renewing = { ...deps, ...sync, data, facility, shown }
  const upkeep: readonly Loop[] = [
    ...room.upkeep,
    (signal) => scrubbing.keepOn(settings.scrubEvery, signal),
    (signal) => keepRenewing(renewing, signal),
  ]
  keepGoing([...(isPortals ? [] : ofFacility), ...works, ...upkeep], stack)
  log.info({ socket, peerAddress, portal }, 'agent ready')
  const owned = stack.move()
  const addresses = { socket, peerAddress, offered: offered?.address ?? '', metrics: told }
  return { ...addresses, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** What it builds and imports. */
async function prepareWorks(
  settings: AgentSettings,
  data: string,
  working: Parameters<typeof prepareBuilding>[2] & Parameters<typeof prepareImporting>[2],
): Promise<readonly Loop[]> {
  const building = await prepareBuilding(settings, data, working)
  return [...building, ...(await prepareImporting(settings, data, working))]
}

function waysOver(security: Security, portal: string, stack: AsyncDisposableStack): Ways {
  return {
    upstream: stack.use(openUpstream(portal, security)),
    openRemotes: (verify) => openRemotes(security, verify),
  }
}

/** What keeps a facility's store as the portal wants it, and the portal informed. */
function syncLoops(
  { facility, peerAddress }: { readonly facility: string; readonly peerAddress: string },
  sync: SyncDeps,
): readonly Loop[] {
  return [
    (signal) => followDesired(facility, sync, signal),
    (signal) => converge(sync, signal),
    (signal) => keepReporting({ facility, peerAddress }, sync, signal),
  ]
}

/** The chunks that peers may have, and how much of them they got. */
function sharesChunks(
  limit: Limit,
  source: ChunkSource,
  state: Pick<SyncState, 'desired'>,
  { images }: Pick<Storage, 'images'>,
  { now }: AgentDeps,
) {
  let bytes = 0n
  const onSent = ({ payload }: Run): void => {
    bytes += BigInt(payload.length)
  }
  const admit = admission({ images, keys: () => state.desired.ticketKeys, now })
  const service = chunkService({ source, admit, limit, onSent })
  return { chunks: mount(chunkPlane, service, peerAccess), bytes: () => bytes }
}

/** Who reaches the socket of an agent is its owner. */
const owners = { identify: identifyInsecurely, recognise: (error: unknown): unknown => error }

/** Where peers find this agent's chunks; empty if it is not to serve them. */
async function answerPeers(
  { listen: address, advertise }: AgentSettings,
  chunks: ReturnType<typeof mount>,
  gate: Gate,
  security: Security,
  stack: AsyncDisposableStack,
): Promise<string> {
  if (address === undefined) return ''
  const { port } = stack.use(await servePeers(address, chunks, gate, security))
  return advertise ?? address.replace(/:\d+$/, `:${port}`)
}

interface Answering {
  readonly local: ReturnType<typeof localService>
  readonly scrubbing: Parameters<typeof integrityService>[0]
  readonly upstream: Pick<Upstream, 'rules'>
}

/** Answers the user of this agent, on the socket whose path it resolves to. */
async function answerOwner(
  { socket, data }: AgentSettings,
  { local, scrubbing, upstream }: Answering,
  gate: Gate,
  stack: AsyncDisposableStack,
): Promise<string> {
  const path = resolve(socket ?? join(data, 'agent.sock'))
  const answers = [
    mount(LocalServiceService, local, localAccess),
    mount(IntegrityServiceService, integrityService(scrubbing), integrityAccess),
    mount(SyncRuleServiceService, forwarded(upstream.rules), ruleAccess),
  ]
  stack.use(await serveSocket(path, answers, gate))
  return path
}

type Loop = (signal: AbortSignal) => Promise<void>

function keepGoing(loops: readonly Loop[], stack: AsyncDisposableStack): void {
  const stopping = new AbortController()
  const going = loops.map((loop) => loop(stopping.signal))
  stack.defer(async () => {
    stopping.abort()
    await Promise.allSettled(going)
  })
}
