import { ahead } from '../chunks/ahead.ts'
import type { ChunkSource, Run } from '../chunks/source.ts'
import { maxSpan } from '../content/delta.ts'
import type { Digest } from '../content/digest.ts'
import type { NumberedChunk } from '../content/numbered.ts'
import { Failure, invalid } from '../failure.ts'
import type { Pool } from '../workers/pool.ts'
import type { RebuildJob } from '../workers/rebuild.ts'
import { movedRun } from '../workers/verifier.ts'
import type { MovedRun } from '../workers/verify.ts'
import { baseOf, type Delta, type DeltaRun } from './deltas.ts'
import { type ChunkSpan, type Layout, layOutSpans } from './layout.ts'

export interface RebuildDeps {
  /** Where the base lies: this side's own store. */
  readonly source: ChunkSource
  readonly pool: Pool
  /** Whether the chunks are to be compressed at once. */
  readonly compressed: boolean
}

/** The chunks that deltas make, each checked against its digest. A delta whose base is not here any more is left out. */
export async function* rebuildChunks(
  runs: AsyncIterable<DeltaRun>,
  base: readonly NumberedChunk[],
  target: readonly NumberedChunk[],
  deps: RebuildDeps,
  signal: AbortSignal,
): AsyncGenerator<Run, void, undefined> {
  // One more than there are threads: while one computes, another run's surroundings are read.
  const rebuilding = ahead(runs, deps.pool.threads + 1, (run) =>
    rebuildRun(jobsOf(run, base, target), base, deps, signal),
  )
  for await (const rebuilt of rebuilding) yield* rebuilt
}

async function rebuildRun(
  jobs: readonly Job[],
  base: readonly NumberedChunk[],
  { source, pool, compressed }: RebuildDeps,
  signal: AbortSignal,
): Promise<Run[]> {
  const { layout, runs, ...read } = await surroundings(jobs, base, source, signal)
  if (read.jobs.length === 0) return []
  const input = {
    chunks: layout.chunks,
    jobs: read.jobs.map(({ delta, target, frame }) => ({
      target,
      base: layout.spanOf(baseOf(delta)),
      frame,
    })),
    runs,
    compressed,
  }
  const buffers = runs.map(({ payload }) => payload.buffer)
  return pool.run('rebuild', input, signal, buffers)
}

/** What jobs are carried out with. */
interface Surroundings {
  readonly jobs: readonly Job[]
  readonly layout: Layout
  readonly runs: readonly MovedRun[]
}

/** Reads what the jobs need; those for which something has gone are left out. */
async function surroundings(
  jobs: readonly Job[],
  base: readonly NumberedChunk[],
  source: ChunkSource,
  signal: AbortSignal,
): Promise<Surroundings> {
  const spans = jobs.map(({ delta }) => baseOf(delta))
  const layout = layOutSpans(base, spans)
  try {
    const runs: MovedRun[] = []
    for await (const run of source.fetch(digestsOf(layout), signal)) runs.push(movedRun(run))
    return { jobs, layout, runs }
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'CHUNK_NOT_FOUND') throw error
    const absent = new Set(await source.missing(digestsOf(layout), signal))
    const isHere = ({ first, count }: ChunkSpan): boolean =>
      !base.slice(first, first + count).some(({ digest }) => absent.has(digest))
    const possible = jobs.filter(({ delta }) => isHere(baseOf(delta)))
    // What is there and cannot be found is another fault.
    if (possible.length === jobs.length) throw error
    return surroundings(possible, base, source, signal)
  }
}

function digestsOf({ chunks }: Layout): Digest[] {
  return [...new Set(chunks.map(({ digest }) => digest))]
}

/** Twice what any run needs that is made today, with room for plans to come. */
const mostBaseChunks = 8 * maxSpan.baseCount

/** A delta that can be carried out, with what it is to make. */
interface Job extends Pick<RebuildJob, 'target' | 'frame'> {
  readonly delta: Delta
}

/** What a run says, which is not believed: it can name only chunks that are there, and no more than a receiver can bear. */
function jobsOf(
  { deltas, payload }: DeltaRun,
  base: readonly NumberedChunk[],
  target: readonly NumberedChunk[],
): Job[] {
  let at = 0
  const jobs = deltas.map((delta) => {
    const wanted = target.slice(delta.first, delta.first + delta.count)
    const dictionary = base.slice(delta.baseFirst, delta.baseFirst + delta.baseCount)
    demandBearable(delta, wanted, dictionary)
    const frame = Uint8Array.from(payload.subarray(at, (at += delta.size)))
    if (frame.length !== delta.size) throw malformed('its payload is too short')
    return { delta, target: wanted.map(({ digest, length }) => ({ digest, length })), frame }
  })
  if (at !== payload.length) throw malformed('its payload is too long')
  if (deltas.reduce((sum, { baseCount }) => sum + baseCount, 0) > mostBaseChunks) {
    throw malformed('it needs more at once than a run may')
  }
  return jobs
}

function demandBearable(
  { first, count, baseFirst, baseCount }: Delta,
  wanted: readonly NumberedChunk[],
  dictionary: readonly NumberedChunk[],
): void {
  const isThere = wanted.length === count && dictionary.length === baseCount
  if (!isThere || count === 0 || baseCount === 0) {
    throw malformed(`there are no chunks ${first} + ${count} or ${baseFirst} + ${baseCount}`)
  }
  const isBearable =
    count <= maxSpan.count &&
    baseCount <= maxSpan.baseCount &&
    bytesOf(wanted) <= maxSpan.targetBytes &&
    bytesOf(dictionary) <= maxSpan.baseBytes
  if (!isBearable) throw malformed('it makes more than a delta may')
}

function bytesOf(chunks: readonly NumberedChunk[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0)
}

function malformed(why: string): Error {
  return invalid('INVALID_CHUNK', `this is no run of deltas: ${why}`)
}
