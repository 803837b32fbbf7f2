import { mkdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Clock } from '../../lib/chunks/clock.ts'
import { Failure } from '../../lib/failure.ts'
import type { Limits } from '../../lib/recipes/recipe.ts'
import type {
  ClaimBuildResponse,
  FinishBuildRequest,
} from '../../proto/gen/merge/image/v1/build.ts'
import type { Upstream } from '../upstream.ts'
import { CalledOff, failureOf, Fault, fitting } from './fault.ts'
import { hold, type Held } from './holding.ts'
import { openJournal, type Journal } from './journal.ts'
import { watchLimits } from './limits.ts'
import { patiently } from './patience.ts'
import { placesIn, type Places } from './plan.ts'
import { removeTree } from './removing.ts'

export interface AttendingDeps {
  /** The build's own, which goes with it. */
  readonly folder: string
  /** What must stay free on that disk. */
  readonly reserveBytes: number
  readonly upstream: Pick<Upstream, 'builds'>
  readonly clock: Clock
  readonly log: Logger
}

export type Ending = NonNullable<FinishBuildRequest['outcome']>

/** Where a build is worked on. */
export interface Desk {
  readonly places: Places
  readonly journal: Journal
  readonly held: Held
  /** Aborts when the build is to end. */
  readonly stopping: AbortSignal
  /** Ends the build when it goes over these, from now on. */
  readonly limit: (limits: Pick<Limits, 'timeMs' | 'diskBytes'>) => void
}

/** Does what a build is, and answers how it ends; undefined where the portal knows already. */
export type Deed = (desk: Desk) => Promise<Ending | undefined>

/** Sees a build that was claimed to its end, and leaves nothing of it in the folder. */
export async function attend(
  claim: string,
  claimed: ClaimBuildResponse,
  logLimit: number,
  deed: Deed,
  deps: AttendingDeps,
  signal: AbortSignal,
): Promise<void> {
  const { upstream, clock, log } = deps
  const build = claimed.build?.name
  const places = placesIn(deps.folder)
  log.info({ build, image: claimed.build?.image }, 'building')
  try {
    for (const path of [places.output, places.inputs, places.temporary]) {
      await mkdir(path, { recursive: true })
    }
    // The limit is the build's, over all its attempts.
    const offset = Number(claimed.build?.logBytes ?? 0n)
    using journal = openJournal(places.log, Math.max(0, logLimit - offset))
    await using held = hold(claim, offset, journal, { builds: upstream.builds, clock })
    const outcome = await ending(deed, { places, journal, held }, deps, signal)
    log.info({ build, outcome: outcome?.$case ?? 'done or lost' }, 'build ended')
    if (outcome === undefined) return
    await held.flushed(signal).catch(() => undefined)
    // Whoever hears that it has ended finds nothing of it any more.
    await removed(places, log)
    await patiently(
      () => upstream.builds.finishBuild({ claim, outcome }, { signal }),
      clock,
      signal,
    )
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'BUILD_LOST') throw error
    log.info({ build }, 'build lost')
  } finally {
    await removed(places, log)
  }
}

/** A folder that stays keeps nobody from hearing how the build ended. */
async function removed({ folder }: Places, log: Logger): Promise<void> {
  await removeTree(folder).catch((error: unknown) => {
    log.error({ err: error, folder }, 'what a build left cannot be removed')
  })
}

/** How the build ends; undefined where the portal knows already, or will find out. */
async function ending(
  deed: Deed,
  desk: Pick<Desk, 'places' | 'journal' | 'held'>,
  deps: AttendingDeps,
  signal: AbortSignal,
): Promise<Ending | undefined> {
  const over = new AbortController()
  const stopping = AbortSignal.any([signal, desk.held.signal, over.signal])
  let watching: Promise<void> | undefined
  const end = (why: unknown): void => {
    over.abort(why)
  }
  const limit: Desk['limit'] = (limits) => {
    watching = watchLimits(desk.places.folder, limits, deps, end, stopping)
  }
  try {
    return await deed({ ...desk, stopping, limit })
  } catch (error) {
    return endingOf(stopping.aborted ? stopping.reason : error, deps, signal)
  } finally {
    over.abort()
    await watching
  }
}

function endingOf(
  error: unknown,
  { log }: Pick<AttendingDeps, 'log'>,
  signal: AbortSignal,
): Ending | undefined {
  if (signal.aborted) return undefined
  if (error instanceof CalledOff) {
    return error.why === 'cancelled' ? { $case: 'cancelled', value: {} } : undefined
  }
  if (error instanceof Failure && error.reason === 'BUILD_LOST') return undefined
  if (!(error instanceof Fault)) log.error({ err: error }, 'build failed unexpectedly')
  const blame = error instanceof Fault ? error.blame : 'BUILDER'
  const message = error instanceof Error ? error.message : String(error)
  return { $case: 'failed', value: { failure: failureOf(blame), message: fitting(message) } }
}
