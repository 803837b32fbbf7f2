import { isOver } from './abort.ts'
import { Failure } from '../failure.ts'
import type { Clock } from './clock.ts'
import {
  collect,
  rehearseCollect,
  type CollectDeps,
  type Collected,
  type CollectPolicy,
} from './collect.ts'
import type { Strays } from './tidy.ts'

/** Collects what nothing needs, one cycle at a time. */
export interface Collector {
  /** A cycle now, after one that is under way. */
  run(signal: AbortSignal): Promise<Collected>
  /** What a cycle would do now. */
  rehearse(signal: AbortSignal): Promise<Collected>
  /** A cycle every `everyMs`, until the signal aborts; not at all if that is 0. */
  keepOn(everyMs: number, signal: AbortSignal): Promise<void>
}

export interface CollectorDeps extends Omit<CollectDeps, 'now'> {
  readonly clock: Clock
  readonly policy: CollectPolicy
  /** Goes before each cycle: what lapsed until then protects nothing any more. */
  readonly prepare?: () => Promise<void>
}

/** A process that is often started anew collects too. */
const firstAfterMs = 10 * 60_000

export function collector(deps: CollectorDeps): Collector {
  const { policy, clock, log, prepare } = deps
  const inner = { ...deps, now: () => clock.now() }
  let strays: Strays = new Map()
  let last: Promise<unknown> = Promise.resolve()
  const cycle = async (signal: AbortSignal): Promise<Collected> => {
    const began = clock.now()
    await prepare?.()
    const outcome = await collect(policy, strays, inner, signal)
    strays = outcome.strays
    const { condemned, doomed, ...rest } = outcome.collected
    const counts = { condemned: condemned.chunks, doomed: doomed.chunks, ...rest }
    log.info({ ...counts, ms: Math.round(clock.now() - began) }, 'collected')
    return outcome.collected
  }
  const run = (signal: AbortSignal): Promise<Collected> => {
    const mine = last.then(() => cycle(signal))
    last = mine.catch(() => undefined)
    return mine
  }
  return {
    run,
    rehearse: (signal) => rehearseCollect(policy, strays, inner, signal),
    async keepOn(everyMs, signal) {
      if (everyMs <= 0) return
      let wait = Math.min(everyMs, firstAfterMs)
      while (!signal.aborted) {
        await clock.sleep(wait, signal).catch(() => undefined)
        if (isOver(signal)) return
        wait = everyMs
        await run(signal).catch((error: unknown) => {
          if (isOver(signal)) return
          const told = error instanceof Failure ? { error: error.message } : { err: error }
          log.warn(told, 'collection failed, and will go on from there')
        })
      }
    },
  }
}

/** The policy of a store, from what its owner can set. */
export function collectPolicy(graceMs: number, undeleteMs: number): CollectPolicy {
  return {
    graceMs,
    undeleteMs,
    orphanMs: Math.max(graceMs, leastOrphanMs),
    deadShare: 0.5,
    packBytes: 16 * 1024 * 1024,
  }
}

/** Between the last byte of a pack and its row lies one transaction; so long it never takes. */
const leastOrphanMs = 10 * 60_000
