/** Wakes everybody who waits for something to change. */
export interface Bell {
  ring(): void
  /** Resolves at the next ring, after `withinMs` at the latest, or when the signal aborts. */
  next(withinMs: number, signal?: AbortSignal): Promise<void>
}

export function makeBell(): Bell {
  const waiting = new Set<() => void>()
  return {
    ring: () => {
      for (const wake of [...waiting]) wake()
    },
    next: (withinMs, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          waiting.delete(wake)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const timer = setTimeout(wake, withinMs)
        waiting.add(wake)
        signal?.addEventListener('abort', wake, { once: true })
        if (signal?.aborted === true) wake()
      }),
  }
}
