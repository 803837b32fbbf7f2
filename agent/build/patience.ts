import type { Clock } from '../../lib/chunks/clock.ts'
import { isOver } from '../../lib/chunks/abort.ts'
import { Failure } from '../../lib/failure.ts'

const pauseMs = 1_000

/** Asks the portal again until it answers: a restart of it is nobody's failure. */
export async function patiently<T>(
  ask: () => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (isOver(signal) || !isAway(error)) throw error
    }
    await clock.sleep(pauseMs, signal)
  }
}

/** Whether the portal may well answer the same question later. */
export function isAway(error: unknown): boolean {
  return error instanceof Failure && (error.kind === 'unavailable' || error.kind === 'late')
}
