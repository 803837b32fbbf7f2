import type { Transferable } from 'node:worker_threads'

/** What a task comes to, and which of its buffers move to the caller rather than being copied. */
export interface Outcome<T> {
  readonly value: T
  readonly transfer: readonly Transferable[]
}

export function done<T>(value: T, transfer: readonly Transferable[] = []): Outcome<T> {
  return { value, transfer }
}
