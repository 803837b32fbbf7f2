import { batchesOf } from '../batches.ts'
import { ahead } from '../chunks/ahead.ts'
import type { ChunkSource, Run } from '../chunks/source.ts'
import { planDeltas, type DeltaSpan } from '../content/delta.ts'
import type { Manifest } from '../content/manifest.ts'
import { numberedChunks, type NumberedChunk } from '../content/numbered.ts'
import { movedRun } from '../workers/verifier.ts'
import type { Pool } from '../workers/pool.ts'
import { baseOf, type DeltaRun } from './deltas.ts'
import { layOutSpans } from './layout.ts'

/** What goes to a thread at a time and makes a message: some 2 MiB of new data, and twice that of its surroundings. */
const spansAtOnce = 4

export interface MakeDeps {
  readonly source: Pick<ChunkSource, 'fetch'>
  readonly pool: Pool
}

/** The deltas of one image against another, in the order of the image. */
export async function* makeDeltas(
  base: Manifest,
  target: Manifest,
  { source, pool }: MakeDeps,
  signal: AbortSignal,
): AsyncGenerator<DeltaRun, void, undefined> {
  const [from, to] = [numberedChunks(base), numberedChunks(target)]
  const spans = planDeltas(from, to)
  const batches = batchesOf(spans, spansAtOnce)
  // One at a time: what is prepared in the background leaves the other threads to those who wait.
  const runs = ahead(batches, 1, (batch) => makeRun(batch, from, to, { source, pool }, signal))
  yield* runs
}

async function makeRun(
  spans: readonly DeltaSpan[],
  from: readonly NumberedChunk[],
  to: readonly NumberedChunk[],
  { source, pool }: MakeDeps,
  signal: AbortSignal,
): Promise<DeltaRun> {
  const bases = layOutSpans(from, spans.map(baseOf))
  const targets = layOutSpans(to, spans, bases.bytes)
  const chunks = [...bases.chunks, ...targets.chunks]
  const runs: Run[] = []
  for await (const run of source.fetch([...new Set(chunks.map(({ digest }) => digest))], signal)) {
    runs.push(run)
  }
  const stored = new Map(
    runs.flatMap(({ entries }) => entries.map(({ digest, storedBytes }) => [digest, storedBytes])),
  )
  const jobs = spans.map((span) => ({
    target: targets.spanOf(span),
    base: bases.spanOf(baseOf(span)),
    storedBytes: to
      .slice(span.first, span.first + span.count)
      .reduce((sum, { digest }) => sum + (stored.get(digest) ?? 0), 0),
  }))
  const moved = runs.map(movedRun)
  const buffers = moved.map(({ payload }) => payload.buffer)
  const { sizes, payload } = await pool.run(
    'frames',
    { chunks, jobs, runs: moved },
    signal,
    buffers,
  )
  const deltas = spans.map((span, i) => ({ ...span, size: sizes[i] ?? 0 }))
  return { deltas: deltas.filter(({ size }) => size > 0), payload }
}
