import type { ChunkSource } from './source.ts'

/** As many connections as a copy has parts in flight; each is made when it is first needed. */
export function several<T>(open: () => T): [T, T, T, T] {
  return [open(), open(), open(), open()]
}

/** How many fetches each of some connections is at work on; those who use the same ones share it. */
export type Busy = Map<number, number>

/**
 * The same chunks over several connections: each fetch goes over the one with the fewest under way. When a line cuts one of
 * them, the others go on, and fill the line while that one is made anew.
 */
export function spread(
  sources: readonly [ChunkSource, ...ChunkSource[]],
  busy: Busy = new Map(),
): ChunkSource {
  const busyness = (at: number): number => busy.get(at) ?? 0
  const least = (): number => {
    const [at = 0] = sources.map((_, i) => i).toSorted((a, b) => busyness(a) - busyness(b))
    return at
  }
  const sourceAt = (at: number): ChunkSource => sources[at] ?? sources[0]
  return {
    missing: (digests, signal) => sourceAt(least()).missing(digests, signal),
    async *fetch(digests, signal) {
      const at = least()
      busy.set(at, busyness(at) + 1)
      try {
        yield* sourceAt(at).fetch(digests, signal)
      } finally {
        busy.set(at, busyness(at) - 1)
      }
    },
  }
}
