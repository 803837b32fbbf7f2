interface Turn<T> extends PromiseWithResolvers<T> {
  askers: number
}

/**
 * Work that several callers can share: who asks gets the result of a run that begins after it asked. So nobody is answered
 * with what was read before the question, and many questions cost one reading. Of the runs `lanes` go at a time, and each
 * answers `most` callers: who answers hundreds at once keeps all of them waiting for the last, and then waits for them.
 */
export function inTurns<T>(
  work: () => Promise<T>,
  { lanes = 1, most = Infinity }: { readonly lanes?: number; readonly most?: number } = {},
): () => Promise<T> {
  const waiting: Turn<T>[] = []
  let running = 0
  const begin = (): void => {
    const turn = running < lanes ? waiting.shift() : undefined
    if (turn === undefined) return
    running++
    work()
      .finally(() => {
        running--
        begin()
      })
      .then(turn.resolve, turn.reject)
  }
  return () => {
    let turn = waiting.at(-1)
    if (turn === undefined || turn.askers >= most) {
      turn = { askers: 0, ...Promise.withResolvers<T>() }
      waiting.push(turn)
      setImmediate(begin)
    }
    turn.askers++
    return turn.promise
  }
}
