import type { Bell } from '../../lib/bell.ts'
import { isOver } from '../../lib/chunks/abort.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import type { Failure } from '../../lib/failure.ts'
import { forgetMissing, layOut, takeAway, type LayingDeps } from './laying.ts'
import { planProjection, type Plan, type Shown, type Wanted, type Wish } from './plan.ts'
import type { LaidRow } from './table.ts'

export interface ProjectingDeps extends LayingDeps {
  /** The images that are here. */
  readonly images: () => readonly Shown[]
  readonly wish: () => Wish
  readonly asFailure: (error: unknown) => Failure
  readonly bell: Bell
  readonly clock: Clock
}

/** A file that could not be laid out; it is tried again. */
export interface Setback {
  readonly failure: Failure
  readonly retryAt: number
}

/** What lies where, and what does not yet. */
export interface Projection {
  readonly place: string
  readonly laid: readonly LaidRow[]
  readonly waiting: readonly Wanted[]
  readonly setbacks: ReadonlyMap<string, Setback>
}

/** Lays images out where the facility's imaging service looks, and keeps them so. */
export interface Projector {
  now(): Projection
  readonly keepOn: (signal: AbortSignal) => Promise<void>
}

/** What is under way rings often. */
const restMs = 1_000
const retryMs = 30_000
/** How often what was laid out is looked at: somebody may have taken it away. */
const lookMs = 10 * 60_000

export function projector(deps: ProjectingDeps): Projector {
  const { shelf, table, bell, clock, log } = deps
  const setbacks = new Map<string, Setback>()
  let lookedAt: number | undefined

  const planned = (): Plan => planProjection(deps.images(), deps.wish(), table.all())
  const mayPut = ({ key }: Wanted): boolean => (setbacks.get(key)?.retryAt ?? 0) <= clock.now()

  const hasWork = (): boolean => {
    const { puts, removals } = planned()
    return removals.length > 0 || puts.some(mayPut)
  }

  const lookAround = async (signal: AbortSignal): Promise<void> => {
    if (lookedAt !== undefined && clock.now() - lookedAt < lookMs) return
    await forgetMissing(deps, signal)
    lookedAt = clock.now()
  }

  const attempt = async (wanted: Wanted, signal: AbortSignal): Promise<void> => {
    try {
      await layOut(wanted, deps, signal)
      setbacks.delete(wanted.key)
    } catch (error) {
      if (isOver(signal)) return
      const failure = deps.asFailure(error)
      setbacks.set(wanted.key, { failure, retryAt: clock.now() + retryMs })
      log.warn({ key: wanted.key, ...told(failure) }, 'image not laid out')
    }
  }

  const project = async (signal: AbortSignal): Promise<void> => {
    await lookAround(signal)
    for (const wanted of planned().puts.filter(mayPut)) {
      signal.throwIfAborted()
      await attempt(wanted, signal)
    }
    const { puts, removals } = planned()
    const lacking = new Set(puts.map(({ key }) => key))
    for (const key of setbacks.keys()) if (!lacking.has(key)) setbacks.delete(key)
    for (const key of removals) await takeAway(key, deps, signal)
  }

  const keepOn = async (signal: AbortSignal): Promise<void> => {
    const nap = (ms: number): Promise<void> => clock.sleep(ms, signal).catch(() => undefined)
    while (!isOver(signal)) {
      const failed = await project(signal).then(() => undefined, deps.asFailure)
      if (isOver(signal)) return
      if (failed !== undefined) log.warn(told(failed), 'images not laid out')
      await nap(failed === undefined ? restMs : retryMs)
      // What came meanwhile has rung while nobody listened.
      if (isOver(signal) || hasWork()) continue
      await bell.next(setbacks.size > 0 ? retryMs : lookMs, signal)
    }
  }

  return {
    keepOn,
    now: () => ({ place: shelf.place, laid: table.laid(), waiting: planned().puts, setbacks }),
  }
}

/** What nobody foresaw is in the log as it came. */
function told({ kind, message: error, cause }: Failure) {
  return kind === 'internal' ? { error, err: cause } : { error }
}
