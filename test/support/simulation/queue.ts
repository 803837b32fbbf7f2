import type { Life } from './timeline.ts'

export interface Event {
  readonly at: number
  readonly what: string
  readonly act: () => void
  readonly life: Life | undefined
}

interface Queued extends Event {
  readonly number: number
  isOff: boolean
}

/** Events by their time, and those of the same time as they were added. */
export interface EventQueue {
  /** The result takes it back. */
  add(event: Event): () => void
  next(): Event | undefined
}

/** A binary heap. */
export function eventQueue(): EventQueue {
  const heap: Queued[] = []
  let added = 0
  return {
    add(event) {
      const queued = { ...event, number: added++, isOff: false }
      heap.push(queued)
      rise(heap, heap.length - 1)
      return () => {
        queued.isOff = true
      }
    },
    next() {
      for (;;) {
        const first = heap[0]
        const last = heap.pop()
        if (first === undefined || last === undefined) return undefined
        if (heap.length > 0) {
          heap[0] = last
          sink(heap, 0)
        }
        if (!first.isOff) return first
      }
    },
  }
}

function isBefore(a: Queued | undefined, b: Queued | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined
  return a.at < b.at || (a.at === b.at && a.number < b.number)
}

function swap(heap: Queued[], i: number, j: number): void {
  const [a, b] = [heap[i], heap[j]]
  if (a === undefined || b === undefined) return
  heap[i] = b
  heap[j] = a
}

function rise(heap: Queued[], from: number): void {
  for (let at = from; at > 0;) {
    const above = (at - 1) >> 1
    if (!isBefore(heap[at], heap[above])) return
    swap(heap, at, above)
    at = above
  }
}

function sink(heap: Queued[], from: number): void {
  for (let at = from; ;) {
    const [left, right] = [2 * at + 1, 2 * at + 2]
    const least = isBefore(heap[right], heap[left]) ? right : left
    if (!isBefore(heap[least], heap[at])) return
    swap(heap, at, least)
    at = least
  }
}
