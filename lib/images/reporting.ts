import { either, nobodyWaits } from '../chunks/abort.ts'

/** Work that says how far it is; aborted when the signal is, or when nobody reads its reports any more. */
export type Work<P, R> = (report: (progress: P) => void, signal: AbortSignal) => Promise<R>

/** Does the work and yields its reports: not each, always the newest, and the last one for certain. */
export async function* reporting<P, R>(
  work: Work<P, R>,
  signal?: AbortSignal,
): AsyncGenerator<P, R, undefined> {
  const stop = new AbortController()
  let latest: P | undefined
  let change = Promise.withResolvers<undefined>()
  const report = (progress: P): void => {
    latest = progress
    change.resolve(undefined)
  }
  const result = work(report, either(stop.signal, signal))
  const settled = result.then(
    () => 'settled' as const,
    () => 'settled' as const,
  )
  try {
    for (;;) {
      const event = await Promise.race([settled, change.promise])
      change = Promise.withResolvers()
      const newest = latest
      latest = undefined
      if (newest !== undefined) yield newest
      if (event === 'settled') return await result
    }
  } finally {
    stop.abort(nobodyWaits)
    await settled
  }
}
