import { type Patience } from '../../lib/chunks/attempts.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import type { Failure } from '../../lib/failure.ts'

/** What may go better in a moment, and what it is if it does not. */
export class Passing extends Error {
  readonly failure: Failure
  /** How long the server asks to be left alone. */
  readonly waitMs: number

  constructor(failure: Failure, waitMs = 0) {
    super(failure.message, { cause: failure })
    this.failure = failure
    this.waitMs = waitMs
  }
}

export interface PersistingDeps {
  readonly patience: Patience
  readonly clock: Pick<Clock, 'sleep'>
}

/** Acts until it goes well, goes wrong for good, or has been tried often enough. */
export async function persisting<T>(
  act: () => Promise<T>,
  deps: PersistingDeps,
  signal: AbortSignal,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await act()
    } catch (error) {
      await pause(error, tried, deps, signal)
    }
  }
}

/** Waits before the next attempt, with full jitter; throws if there is to be none. */
export async function pause(
  error: unknown,
  tried: number,
  { patience, clock }: PersistingDeps,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (!(error instanceof Passing)) throw error
  const { attempts, firstMs, mostMs, random } = patience
  if (tried >= attempts || error.waitMs > mostMs) throw error.failure
  const jittered = random() * Math.min(mostMs, firstMs * 2 ** (tried - 1))
  await clock.sleep(Math.max(error.waitMs, jittered), signal)
}
