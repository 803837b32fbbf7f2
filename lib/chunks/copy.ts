import { batchesOf } from '../batches.ts'
import type { Digest } from '../content/digest.ts'
import { either, nobodyWaits } from './abort.ts'
import type { Patience } from './batch.ts'
import { type Gathering, gather } from './gather.ts'
import type { Limit } from './limit.ts'
import { boundedQueue, type Queue } from './queue.ts'
import type { Origin, RankedSource } from './ranking.ts'
import type { ChunkStore, Run } from './source.ts'
import { openStanding, type Standing } from './standing.ts'

export interface CopyOptions extends Patience {
  /** What the store lacks. */
  readonly digests: readonly Digest[]
  /** Asked before each part of a batch, so a source that appears meanwhile is used. Among equals the first is asked first. */
  readonly sources: (wanted: ReadonlySet<Digest>) => readonly RankedSource[]
  readonly store: ChunkStore
  readonly signal: AbortSignal
  /** What is remembered of the sources beyond this copy; nothing if it is not given. */
  readonly standing?: Standing
  /** Hears of every run that was fetched, and from whom. */
  readonly onRun?: (run: Run, from: RankedSource) => void
  /** How fast all of this may come. */
  readonly limit?: Limit
  /** 256 chunks, as usual, are about 16 MiB of raw data. */
  readonly batchChunks?: number
  readonly inFlight?: number
  /** Whom to ask first; peers if it is not given. */
  readonly first?: Origin
  /** How often everybody is asked again where nobody can be reached; 3 times within 2 s if not given. */
  readonly retries?: number
  /** Gives the batches, all of `digests`, in its own order and its own time. */
  readonly batches?: AsyncGenerator<readonly Digest[], void>
}

/**
 * Brings chunks into the store. What one source does not give another is asked for; the copy fails when nobody gives it, or when
 * the store fails. What came until then stays.
 */
export async function copyChunks(options: CopyOptions): Promise<void> {
  const { store, digests, signal, batchChunks = 256 } = options
  if (digests.length === 0) return
  const stop = new AbortController()
  const both = either(stop.signal, signal)
  const queue = boundedQueue<Run>(8)
  const storing = store.store(queue, both).catch((error: unknown) => {
    stop.abort(error)
    throw error
  })
  const fetching = fetchAll(batchesOf(digests, batchChunks), { ...options, signal: both }, queue)
  const [stored, fetched] = await Promise.allSettled([storing, fetching])
  if (stored.status === 'rejected') throw stored.reason
  if (fetched.status === 'rejected') throw fetched.reason
}

/** The first batch that fails everywhere stops the others. */
async function fetchAll(
  batches: readonly Digest[][],
  options: CopyOptions,
  queue: Queue<Run>,
): Promise<void> {
  const stop = new AbortController()
  const signal = either(stop.signal, options.signal)
  const given = batches.values()
  const next = async () => (options.batches ?? given).next()
  let came = 0
  const gathering: Gathering = {
    ...options,
    came: () => came,
    retries: options.retries ?? 3,
    standing:
      options.standing ?? openStanding({ now: () => options.clock.now(), chance: () => 0.5 }),
    lackedAt: new Map(),
    async take(run, from) {
      came++
      options.onRun?.(run, from)
      const bytes = run.payload.length
      // What has come is kept, whatever ends the waiting.
      await queue.push(run, signal)
      await options.limit?.take(bytes, signal)
    },
  }
  const work = async (): Promise<void> => {
    for (let batch = await next(); batch.done !== true; batch = await next()) {
      await gather(batch.value, gathering, signal)
    }
  }
  try {
    await Promise.all(Array.from({ length: options.inFlight ?? 4 }, work))
    queue.end()
  } catch (error) {
    stop.abort(error)
    queue.fail(error)
    throw error
  } finally {
    stop.abort(nobodyWaits)
  }
}
