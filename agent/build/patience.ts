import type { Logger } from 'pino'
import type { Clock } from '../../lib/chunks/clock.ts'
import { isOver } from '../../lib/chunks/abort.ts'
import { Failure } from '../../lib/failure.ts'

const pauseMs = 1_000
const laterMs = 2_000

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

/** What cannot be done now is tried again later, for nobody is there to see it fail. */
export async function untilDone(
  what: string,
  act: () => Promise<void>,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  while (!isOver(signal)) {
    try {
      await act()
      return
    } catch (error) {
      if (isOver(signal)) return
      const known = error instanceof Failure
      log.warn(known ? { error: error.message } : { err: error }, `${what} failed`)
    }
    await clock.sleep(laterMs, signal).catch(() => undefined)
  }
}
