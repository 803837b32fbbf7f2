import type { Chunks } from '../../lib/retention/sharing.ts'

/** What lies in a store: chunks that images need, and those that nobody needs and that are deleted after a while. */
export interface Store {
  put(image: Chunks): void
  remove(image: Chunks, day: number): void
  /** Deletes what nobody has needed for so many days. */
  collect(day: number): void
  holds(image: Chunks): boolean
  readonly bytes: () => number
}

const undeleteDays = 7

export function emptyStore(): Store {
  const needed = new Map<string, number>()
  const condemned = new Map<string, { readonly day: number; readonly bytes: number }>()
  let bytes = 0
  return {
    put(image) {
      for (const [chunk, size] of image) {
        const before = needed.get(chunk) ?? 0
        needed.set(chunk, before + 1)
        if (before === 0 && !condemned.delete(chunk)) bytes += size
      }
    },
    remove(image, day) {
      for (const [chunk, size] of image) {
        const left = (needed.get(chunk) ?? 0) - 1
        if (left > 0) needed.set(chunk, left)
        else {
          needed.delete(chunk)
          condemned.set(chunk, { day, bytes: size })
        }
      }
    },
    collect(day) {
      for (const [chunk, { day: since, bytes: size }] of condemned) {
        if (day - since < undeleteDays) break
        condemned.delete(chunk)
        bytes -= size
      }
    },
    holds(image) {
      for (const chunk of image.keys()) if (!needed.has(chunk)) return false
      return true
    },
    bytes: () => bytes,
  }
}
