import { invalid } from '../lib/failure.ts'
import type { World } from '../lib/service.ts'
import { compressor } from '../lib/workers/verifier.ts'
import { askingOf } from './asking.ts'
import { agentCollector } from './collecting.ts'
import { keepCompressing } from './compressing.ts'
import { evictor, type Evictor } from './evicting.ts'
import type { EvictionLimits } from './round.ts'
import type { AgentSettings } from './agent.ts'
import type { Storage } from './storage.ts'
import type { Syncing } from './syncing.ts'

type RoomSettings = EvictionSettings &
  Pick<AgentSettings, 'facility' | 'data' | 'collectEvery' | 'collectGrace' | 'evictEvery'>
type EvictionSettings = Pick<
  AgentSettings,
  'evictAbove' | 'evictBelow' | 'mostBytes' | 'keepUsed' | 'keepUnwanted'
>
type RoomStorage = Omit<Storage, 'drafts' | 'projection' | 'offered'>

/** What keeps room in an agent's store. */
export interface Room {
  readonly evicting: Evictor
  readonly limits: EvictionLimits
  readonly evict: (signal: AbortSignal) => Promise<void>
  readonly forImages: Pick<Evictor, 'makeRoom' | 'hasRoom'>
  /** Gives back what nothing needs, and compresses what is to be. */
  readonly upkeep: readonly ((signal: AbortSignal) => Promise<void>)[]
}

export function keepsRoom(
  settings: RoomSettings,
  { upstream, state, clock }: Pick<Syncing, 'upstream' | 'state' | 'clock'>,
  storage: RoomStorage,
  deps: World,
): Room {
  const { facility, data, collectEvery, collectGrace, evictEvery } = settings
  const limits = limitsOf(settings)
  const collecting = agentCollector(collectGrace, { ...deps, ...storage, state })
  const asking = askingOf(facility, upstream)
  const { now, log } = deps
  const evicting = evictor({
    ...{ ...storage, limits, asking, collecting, state, clock, now, log },
    ...{ folder: data, disk: storage.disk },
  })
  const compressing = {
    ...{ ...storage, state, clock, log },
    ...{ index: storage.collectable, verify: compressor(storage.pool), newId: deps.newUlid },
  }
  return {
    ...{ evicting, limits },
    evict: (signal) => evicting.keepOn(evictEvery, signal),
    forImages: { makeRoom: evicting.makeRoom, hasRoom: evicting.hasRoom },
    upkeep: [
      (signal) => collecting.keepOn(collectEvery, signal),
      (signal) => keepCompressing(compressing, signal),
    ],
  }
}

const usuallyBelow = 0.8

function limitsOf(settings: EvictionSettings): EvictionLimits {
  const { evictAbove: above, evictBelow, mostBytes } = settings
  const below = evictBelow ?? Math.min(usuallyBelow, above)
  if (below <= above) {
    const { keepUsed: keepUsedMs, keepUnwanted: keepUnwantedMs } = settings
    return { above, below, mostBytes, keepUsedMs, keepUnwantedMs }
  }
  const text = '--evict-below is the low-water mark, and cannot be above --evict-above.'
  throw invalid('INVALID_FIELD', text, { field: 'evictBelow' })
}
