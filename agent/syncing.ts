import { makeBell } from '../lib/bell.ts'
import { telling } from '../lib/chunks/healing.ts'
import { limitTo, owedLimits } from '../lib/chunks/limit.ts'
import type { RankedSource } from '../lib/chunks/ranking.ts'
import type { ChunkSource } from '../lib/chunks/source.ts'
import type { Remotes } from '../lib/chunks/remotes.ts'
import { verified, type Verify } from '../lib/chunks/verified.ts'
import type { World } from '../lib/service.ts'
import { fresh } from '../lib/sharing/fresh.ts'
import type { Company } from '../lib/sharing/sharing.ts'
import { verifier } from '../lib/workers/verifier.ts'
import type { AgentSettings } from './agent.ts'
import { deltaFetch } from './deltas.ts'
import { fingerprintsFrom } from './fingerprints.ts'
import { hoursOf } from './hours.ts'
import { openPeers } from './peers.ts'
import { rememberSources } from './sources.ts'
import type { Storage } from './storage.ts'
import type { SyncDeps } from './sync.ts'
import { ticketsFrom } from './tickets.ts'
import type { Upstream } from './upstream.ts'

type SyncSettings = Pick<AgentSettings, 'facility' | 'listen' | 'fetchRate' | 'fetchWindow'>
type SyncStorage = Pick<Storage, 'store' | 'images' | 'needs' | 'usage' | 'uncompressed' | 'pool'>

/** All that the loops of an agent work with. */
export interface Syncing extends Omit<SyncDeps, 'makeRoom' | 'hasRoom'> {
  /** What other facilities can have: what is on its way to the disk too. */
  readonly served: ChunkSource
  /** Who has chunks of the image. */
  readonly sources: (image: string) => readonly RankedSource[]
}

/** The ways to others. */
export interface Ways {
  readonly upstream: Upstream
  /** Those to other agents, as they are needed; what comes is checked. */
  readonly openRemotes: (verify: Verify) => Remotes
}

/** What syncs over the ways that are given; nothing is fetched yet. */
export function prepareSync(
  { facility, listen, fetchRate, fetchWindow }: SyncSettings,
  { log, clock, sleep, now, newUuid }: World,
  { upstream, openRemotes }: Ways,
  { store: packs, images, needs, usage, uncompressed, pool }: SyncStorage,
  stack: AsyncDisposableStack,
): Syncing {
  const fingerprints = fingerprintsFrom(upstream, log)
  const believed = verifier(pool, ({ told }) => told)
  const unbelieved = verifier(pool, fingerprints.of)
  const time = { now: clock, sleep }
  const tickets = ticketsFrom({ facility, upstream, now, clock: time })
  const serves = listen !== undefined
  const peers = openPeers(facility, serves, tickets, stack.use(openRemotes(unbelieved)))
  const source = telling(verified(upstream.chunks, believed), upstream.suspect)
  const portal = { name: 'portal', origin: 'portal', source } as const
  const state = {
    desired: images.desired(),
    heard: false,
    applied: 0n,
    unreachable: undefined,
    transfers: new Map(),
    heardAt: clock(),
    fetched: { peer: 0, portal: 0 },
    waits: new Map(),
    bell: makeBell(time),
  }
  const isShared = (): boolean => state.desired.images.some(({ fetchers }) => fetchers.length > 0)
  const { store, served } = fresh(packs, isShared)
  const company = (image: string): Company => peers.of(image, state.desired)
  return {
    served,
    state,
    images,
    needs,
    usage,
    uncompressed,
    store,
    upstream,
    clock: time,
    now,
    pool,
    limit: limitTo(fetchRate, time),
    limitAt: owedLimits(time),
    hours: hoursOf(fetchWindow, now, time),
    standing: rememberSources({ log, clock, now, newUuid }),
    log,
    fingerprints,
    deltas: deltaFetch({ upstream, images, store, uncompressed, pool, log, clock: time }),
    sources: (image) => {
      const { holders, fetchers } = company(image)
      return [...holders, ...fetchers, portal]
    },
    company,
    portal,
  }
}
