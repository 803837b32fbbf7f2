export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** Resolves after so many milliseconds, or rejects with the signal's reason; node:timers/promises makes an error each time. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      if (signal.aborted) reject(signal.reason as Error)
      else resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}
