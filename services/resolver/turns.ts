/**
 * Work that several callers can share: who asks gets the result of a run that begins after it asked, and one run goes at a
 * time. So nobody is answered with what was read before the question, and many questions cost one reading.
 */
export function inTurns<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined
  const begin = (): Promise<T> => {
    next = undefined
    const run = work()
    running = run
    return run
  }
  return () => (next ??= running.then(begin, begin))
}
