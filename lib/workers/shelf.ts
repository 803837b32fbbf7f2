/** A few things of a kind, lent one at a time to whoever has waited longest. */
export interface Shelf<T> {
  take(signal?: AbortSignal): Promise<Lease<T>>
  /** Whoever waits, and whoever comes later, gets this error. */
  close(error: unknown): void
}

/** A thing taken from a shelf; disposing puts it back. */
export interface Lease<T> extends Disposable {
  readonly item: T
}

/** Things are made when they are first needed, `count` at most. */
export function shelf<T>(count: number, make: () => T): Shelf<T> {
  const idle: T[] = []
  const waiting = new Set<PromiseWithResolvers<Lease<T>>>()
  let made = 0
  let closed: { readonly error: unknown } | undefined
  const lease = (item: T): Lease<T> => ({
    item,
    [Symbol.dispose]() {
      const [next] = waiting
      if (next === undefined) idle.push(item)
      else {
        waiting.delete(next)
        next.resolve(lease(item))
      }
    },
  })
  return {
    async take(signal) {
      signal?.throwIfAborted()
      if (closed !== undefined) throw closed.error
      const item = idle.pop()
      if (item !== undefined) return lease(item)
      if (made === count) return turnOf(waiting, signal)
      made += 1
      return lease(make())
    },
    close(error) {
      closed = { error }
      for (const turn of waiting) turn.reject(error)
      waiting.clear()
    },
  }
}

/** Waits in line, and leaves it when the signal aborts first. */
async function turnOf<T>(
  waiting: Set<PromiseWithResolvers<T>>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const turn = Promise.withResolvers<T>()
  const leave = (): void => {
    if (waiting.delete(turn)) turn.reject(signal?.reason)
  }
  waiting.add(turn)
  signal?.addEventListener('abort', leave, { once: true })
  try {
    return await turn.promise
  } finally {
    signal?.removeEventListener('abort', leave)
  }
}
