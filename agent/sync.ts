import type { Logger } from 'pino'
import { either, isOver } from '../lib/chunks/abort.ts'
import type { Bell } from '../lib/bell.ts'
import type { Origin } from '../lib/chunks/ranking.ts'
import { Failure, internal } from '../lib/failure.ts'
import type { WatchDesiredStateResponse } from '../proto/gen/merge/image/v1/agent.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { fetchImage, type FetchDeps } from './fetch.ts'
import { type Hours, lookMs } from './hours.ts'
import { retryAfterMs, type Fetch, type Wait } from './plan.ts'
import type { Transfer, Transfers } from './transfers.ts'
import { planNow, turnOf } from './turn.ts'
import type { Usage } from './usage.ts'

/** What the loops of an agent share. */
export interface SyncState {
  /** What the portal said last, from before the restart at first. */
  desired: WatchDesiredStateResponse
  /** Whether it has said so since the restart. */
  heard: boolean
  /** The generation that is carried out. */
  applied: bigint
  /** Why the portal does not answer; undefined while it does. */
  unreachable: Failure | undefined
  readonly transfers: Transfers
  /** When what is wanted may be fetched, where it may not now. */
  opensAt?: Date | undefined
  /** When the portal answered last, by the agent's clock; when the agent started, before that. */
  heardAt: number
  /** Bytes that came since the agent started, as stored. */
  readonly fetched: Record<Origin, number>
  /** What waits for the terms of its rules, by the image's name. */
  waits: ReadonlyMap<string, Wait>
  /** Rings whenever any of this changes. */
  readonly bell: Bell
}

export interface SyncDeps extends FetchDeps {
  readonly hours: Hours
  readonly state: SyncState
  readonly usage: Usage
  readonly now: () => Date
  readonly log: Logger
}

const reconnectMs = 2_000
const idleMs = 60_000

/** Keeps up with what the portal says this facility should hold; while the portal is away, the last word counts. */
export async function followDesired(
  facility: string,
  { state, images, upstream, log, clock }: SyncDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const replaced = upstream.replaced()
    const over = either(signal, replaced)
    try {
      for await (const desired of upstream.agents.watchDesiredState(
        { facility },
        { signal: over },
      )) {
        if (state.unreachable !== undefined)
          log.info({ portal: upstream.address }, 'portal answers')
        state.unreachable = undefined
        state.desired = desired
        state.heard = true
        state.heardAt = clock.now()
        images.keepDesired(desired)
        state.bell.ring()
      }
    } catch (error) {
      if (isOver(signal)) return
      if (replaced?.aborted === true) continue
      const failure = asFailure(error)
      if (state.unreachable === undefined) log.warn({ error: failure.message }, 'portal away')
      state.unreachable = failure
      state.bell.ring()
    }
    await clock.sleep(reconnectMs, signal).catch(() => undefined)
  }
}

/** Brings what is wanted and not here, one image after another, from any state, for ever. */
export async function converge(deps: SyncDeps, signal: AbortSignal): Promise<void> {
  const { state, clock } = deps
  while (!signal.aborted) {
    const { desired } = state
    const plan = planNow(deps)
    const [next] = plan.fetches
    noteHours(next === undefined ? undefined : deps.hours.opensAt(), deps)
    if (state.opensAt !== undefined) {
      await state.bell.next(lookMs, signal)
      continue
    }
    if (next?.desired.image !== undefined) {
      await bring(next.desired.image, next, deps, signal)
      continue
    }
    if (plan.converged && state.applied !== desired.generation) {
      state.applied = desired.generation
      state.bell.ring()
    }
    const most = plan.waits.size > 0 ? lookMs : idleMs
    const wait = plan.retryAt === undefined ? most : Math.min(most, plan.retryAt - clock.now())
    await state.bell.next(Math.max(wait, 10), signal)
  }
}

function noteHours(opensAt: Date | undefined, { state, log }: SyncDeps): void {
  if (state.opensAt?.getTime() === opensAt?.getTime()) return
  if (state.opensAt === undefined) log.info({ until: opensAt }, 'fetching waits for its hours')
  state.opensAt = opensAt
  state.bell.ring()
}

async function bring(
  image: Image,
  fetch: Fetch,
  deps: SyncDeps,
  signal: AbortSignal,
): Promise<void> {
  const { state, log, clock } = deps
  const { transfers, bell } = state
  const failures = transfers.get(image.name)?.failures ?? 0
  let transfer: Transfer = {
    state: 'fetching',
    startedAt: clock.now(),
    imageBytes: Number(image.storedBytes),
    reusedBytes: 0,
    bytes: { peer: 0, portal: 0 },
    failures,
    rate: fetch.rate,
  }
  const update = (change: Partial<Transfer>): void => {
    transfer = { ...transfer, ...change }
    transfers.set(image.name, transfer)
    bell.ring()
  }
  const news = {
    reused: (share: number) => {
      update({ reusedBytes: Math.round(share * transfer.imageBytes) })
    },
    fetched: (origin: Origin, bytes: number) => {
      state.fetched[origin] += bytes
      update({ bytes: { ...transfer.bytes, [origin]: transfer.bytes[origin] + bytes } })
    },
  }
  update({})
  using closing = deps.hours.closing()
  using turn = turnOf(fetch, deps)
  const ends = either(closing.signal, turn.signal)
  try {
    await fetchImage(image, fetch, news, deps, either(ends, signal))
    const { bytes, imageBytes } = transfer
    const reusedBytes = Math.max(0, imageBytes - bytes.peer - bytes.portal)
    update({ state: 'present', endedAt: clock.now(), reusedBytes, failures: 0 })
    log.info({ image: image.name, ...bytes, reused: reusedBytes }, 'image is here')
  } catch (error) {
    if (signal.aborted) return
    if (ends.aborted) {
      update({ state: 'waiting', endedAt: clock.now() })
      return
    }
    const failure = asFailure(error)
    const retryAt = clock.now() + retryAfterMs(failures + 1)
    update({ state: 'failed', endedAt: clock.now(), failure, failures: failures + 1, retryAt })
    log.warn({ image: image.name, error: failure.message, failures: failures + 1 }, 'fetch failed')
  }
}

export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  return internal('INTERNAL', 'The agent failed unexpectedly; its log says more.', {}, error)
}
