import { either } from './abort.ts'

/**
 * Waits for all that is started. When one fails the others are aborted; the first failure is thrown, and by then all have
 * settled, so what they used can be closed.
 */
export async function together<T extends readonly unknown[] | []>(
  start: (stop: AbortSignal) => T,
  signal?: AbortSignal,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const stop = new AbortController()
  const started = start(either(stop.signal, signal))
  try {
    return await Promise.all(started)
  } catch (error) {
    stop.abort(error)
    throw error
  } finally {
    await Promise.allSettled(started)
  }
}
