import { stopped } from '../failure.ts'
import { unlessAborted } from './abort.ts'

/** Hands items from several writers to one reader, who sets the pace. */
export interface Queue<T> extends AsyncIterable<T> {
  /** Resolves once the item has its place; rejects when the reader has left or the signal aborts. */
  push(item: T, signal?: AbortSignal): Promise<void>
  /** The reader is done once it has read what is there. */
  end(): void
  /** The reader gets this error once it has read what is there. */
  fail(error: unknown): void
}

export function boundedQueue<T>(limit: number): Queue<T> {
  const items: T[] = []
  let state: 'open' | 'ended' | 'left' | { readonly error: unknown } = 'open'
  let change = Promise.withResolvers<undefined>()
  const changed = (): void => {
    change.resolve(undefined)
    change = Promise.withResolvers()
  }
  const become = (next: typeof state): void => {
    if (state === 'open') state = next
    changed()
  }
  async function* read(): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        if (items.length > 0) {
          const next = items.splice(0, 1)
          changed()
          yield* next
          continue
        }
        if (state === 'ended' || state === 'left') return
        if (state !== 'open') throw state.error
        await change.promise
      }
    } finally {
      state = 'left'
      items.length = 0
      changed()
    }
  }
  return {
    async push(item, signal) {
      while (state === 'open' && items.length >= limit) await unlessAborted(change.promise, signal)
      signal?.throwIfAborted()
      if (state !== 'open') throw stopped('STOPPED', 'nobody reads this queue any more')
      items.push(item)
      changed()
    },
    end() {
      become('ended')
    },
    fail(error) {
      become({ error })
    },
    [Symbol.asyncIterator]: read,
  }
}
