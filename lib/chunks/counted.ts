import type { ChunkSource, Run } from './source.ts'

/** Where fetched bytes come from, as progress and metrics tell them apart. */
export type Origin = 'peer' | 'portal'

/** A source that reports the payload bytes of every run it yields. */
export function counted(
  source: ChunkSource,
  origin: Origin,
  report: (origin: Origin, bytes: number) => void,
): ChunkSource {
  return {
    missing: (digests, signal) => source.missing(digests, signal),
    fetch: (digests, signal) => fetchCounted(source.fetch(digests, signal), origin, report),
  }
}

async function* fetchCounted(
  runs: AsyncIterable<Run>,
  origin: Origin,
  report: (origin: Origin, bytes: number) => void,
): AsyncGenerator<Run, void, undefined> {
  for await (const run of runs) {
    report(origin, run.payload.length)
    yield run
  }
}
