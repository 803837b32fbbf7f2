import { either, leave, nobodyWaits } from './abort.ts'
import { boundedQueue } from './queue.ts'
import type { ChunkSource, Run } from './source.ts'

/** Resolves with the run if every chunk has its digest, and rejects with CHUNK_CORRUPT otherwise. */
export type Verify = (run: Run, signal?: AbortSignal) => Promise<Run>

/** A source whose runs are checked before anybody sees them. */
export function verified(source: ChunkSource, verify: Verify, atOnce?: number): ChunkSource {
  return {
    missing: (digests, signal) => source.missing(digests, signal),
    fetch: (digests, signal) =>
      verifiedRuns((until) => source.fetch(digests, until), verify, signal, atOnce),
  }
}

/** The runs of a stream that `open` begins, checked, up to `atOnce` at a time, in no particular order. */
export async function* verifiedRuns(
  open: (until: AbortSignal) => AsyncIterable<Run>,
  verify: Verify,
  signal?: AbortSignal,
  atOnce = 4,
): AsyncGenerator<Run, void, undefined> {
  const stop = new AbortController()
  const until = either(stop.signal, signal)
  const runs = open(until)[Symbol.asyncIterator]()
  const good = boundedQueue<Run>(1)
  const work = async (): Promise<void> => {
    for (;;) {
      const next = await runs.next()
      if (next.done === true) return
      await good.push(await verify(next.value, until), until)
    }
  }
  Promise.all(Array.from({ length: atOnce }, work)).then(
    () => {
      good.end()
    },
    (error: unknown) => {
      good.fail(error)
    },
  )
  try {
    yield* good
  } finally {
    stop.abort(nobodyWaits)
    leave(runs)
  }
}
