import { nobodyWaits } from './chunks/abort.ts'
import { type Clock, sleep } from './chunks/clock.ts'

/** Wakes everybody who waits for something to change. */
export interface Bell {
  ring(): void
  /** Resolves at the next ring, after `withinMs` at the latest, or when the signal aborts. */
  next(withinMs: number, signal?: AbortSignal): Promise<void>
}

export function makeBell(clock: Pick<Clock, 'sleep'> = { sleep }): Bell {
  const waiting = new Set<() => void>()
  return {
    ring: () => {
      for (const wake of [...waiting]) wake()
    },
    next: (withinMs, signal) =>
      new Promise((resolve) => {
        const over = new AbortController()
        const wake = (): void => {
          over.abort(nobodyWaits)
          waiting.delete(wake)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        clock.sleep(withinMs, over.signal).then(wake, () => undefined)
        waiting.add(wake)
        signal?.addEventListener('abort', wake, { once: true })
        if (signal?.aborted === true) wake()
      }),
  }
}

/** A bell for each key, which is there while somebody waits for it. */
export interface Bells {
  ring(key: string): void
  /** As of one bell, of those with this key. */
  next(key: string, withinMs: number, signal?: AbortSignal): Promise<void>
}

export function makeBells(): Bells {
  const bells = new Map<string, { readonly bell: Bell; waiting: number }>()
  return {
    ring: (key) => {
      bells.get(key)?.bell.ring()
    },
    async next(key, withinMs, signal) {
      const one = bells.get(key) ?? { bell: makeBell(), waiting: 0 }
      bells.set(key, one)
      one.waiting++
      try {
        await one.bell.next(withinMs, signal)
      } finally {
        if (--one.waiting === 0) bells.delete(key)
      }
    },
  }
}
