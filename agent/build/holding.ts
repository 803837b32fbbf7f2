import { either, isOver } from '../../lib/chunks/abort.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import { Failure } from '../../lib/failure.ts'
import type { Remote } from '../../lib/rpc/connect.ts'
import type { BuildServiceService } from '../../proto/gen/merge/image/v1/build.ts'
import { CalledOff, Fault } from './fault.ts'
import type { Journal } from './journal.ts'
import { isAway, patiently } from './patience.ts'

/** How far a build is: a few words, and a count where there is one. */
export interface Stage {
  readonly step: string
  readonly done?: number
  readonly total?: number
}

/** A build that this builder has. */
export interface Held extends AsyncDisposable {
  /** Aborts when the build is to end: it was cancelled or lost, or its log cannot be sent. */
  readonly signal: AbortSignal
  readonly tell: (stage: Stage) => void
  /** Resolves when the portal has all of the log. */
  flushed(signal: AbortSignal): Promise<void>
}

export interface HoldDeps {
  readonly builds: Remote<typeof BuildServiceService>
  readonly clock: Clock
}

const heartbeatMs = 5_000
/** So that a build of many lines is not a call for each of them. */
const gatherMs = 200
const partBytes = 256 * 1024

/** Keeps a claim alive and sends the log until it is disposed of. */
export function hold(claim: string, logOffset: number, journal: Journal, deps: HoldDeps): Held {
  const ending = new AbortController()
  const over = new AbortController()
  const state: HeldState = { stage: { step: 'starting' }, sent: 0, claim, logOffset, ending }
  const signal = either(over.signal)
  const going = [beat(state, deps, signal), send(state, journal, deps, signal)].map((loop) =>
    loop.catch((error: unknown) => {
      if (!isOver(signal)) ending.abort(asEnding(error))
    }),
  )
  return {
    signal: ending.signal,
    tell: (stage) => {
      state.stage = stage
    },
    flushed: async (wanted) => {
      while (state.sent < journal.bytes) {
        either(ending.signal, wanted).throwIfAborted()
        await journal.bell.next(gatherMs, wanted)
      }
    },
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await Promise.all(going)
    },
  }
}

interface HeldState {
  stage: Stage
  /** Bytes of the journal that the portal has. */
  sent: number
  readonly claim: string
  readonly logOffset: number
  readonly ending: AbortController
}

async function beat(state: HeldState, deps: HoldDeps, signal: AbortSignal): Promise<void> {
  let told: Stage | undefined
  for (;;) {
    const { claim, stage } = state
    const { step, done = 0, total = 0 } = stage
    const progress =
      stage === told
        ? undefined
        : { step: step.slice(0, 200), done: BigInt(done), total: BigInt(total) }
    const ask = () => deps.builds.heartbeatBuild({ claim, progress }, { signal })
    const { cancelled } = await patiently(ask, deps.clock, signal)
    told = stage
    if (cancelled) state.ending.abort(new CalledOff('cancelled'))
    // A new stage is told soon, for who watches; an old one is enough to keep the claim.
    for (let waited = 0; waited < heartbeatMs && state.stage === told; waited += heartbeatMs / 5) {
      await deps.clock.sleep(heartbeatMs / 5, signal)
    }
    await deps.clock.sleep(gatherMs, signal)
  }
}

async function send(
  state: HeldState,
  journal: Journal,
  { builds, clock }: HoldDeps,
  signal: AbortSignal,
): Promise<void> {
  const { claim, logOffset } = state
  for (;;) {
    signal.throwIfAborted()
    const data = journal.read(state.sent, partBytes)
    if (data.length === 0) {
      await journal.bell.next(heartbeatMs, signal)
      continue
    }
    const offset = BigInt(logOffset + state.sent)
    try {
      const ask = () => builds.appendBuildLog({ claim, offset, data }, { signal })
      const { logBytes, cancelled } = await patiently(ask, clock, signal)
      state.sent = Number(logBytes) - logOffset
      if (cancelled) state.ending.abort(new CalledOff('cancelled'))
    } catch (error) {
      state.sent = whereItEnds(error, state, journal)
    }
    journal.bell.ring()
    await clock.sleep(gatherMs, signal)
  }
}

/** Where the portal's log ends, if that is all that is wrong. */
function whereItEnds(error: unknown, { sent, logOffset }: HeldState, journal: Journal): number {
  if (!(error instanceof Failure) || error.reason !== 'LOG_GAP') throw error
  const ends = Number(error.facts['offset']) - logOffset
  // An end that is where we believe it to be, or where we never were, helps nobody on.
  if (ends >= 0 && ends <= journal.bytes && ends !== sent) return ends
  throw error
}

function asEnding(error: unknown): Error {
  if (error instanceof CalledOff || error instanceof Fault) return error
  if (error instanceof Failure && error.reason === 'BUILD_LOST') return new CalledOff('lost')
  if (error instanceof Failure && error.reason === 'LOG_FULL')
    return new Fault('LOG', error.message)
  if (isAway(error)) return new CalledOff('lost')
  const message = error instanceof Error ? error.message : String(error)
  return new Fault('BUILDER', `The builder and the portal do not understand each other: ${message}`)
}
