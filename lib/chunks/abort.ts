import { stopped } from '../failure.ts'

/** Why something ends whose outcome is known already. One for all, because making an error takes long. */
export const nobodyWaits = stopped('STOPPED', 'nobody waits for this any more')

/** The promise's result, or the signal's reason as soon as it aborts; what the promise comes to then is ignored. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise
  promise.catch(() => undefined)
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => {
    aborted.reject(signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Aborts when either does. */
export function either(own: AbortSignal, given?: AbortSignal): AbortSignal {
  return given === undefined ? own : AbortSignal.any([own, given])
}

/** Tells an iterator that nobody reads on, and does not wait: it may hang in the very read that was given up. */
export function leave(iterator: AsyncIterator<unknown>): void {
  iterator.return?.().catch(() => undefined)
}

/** Whether it has aborted, asked behind an await, where the compiler still believes the answer from before it. */
export function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
