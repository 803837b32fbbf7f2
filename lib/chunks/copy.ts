import { batchesOf } from '../batches.ts'
import type { Digest } from '../content/digest.ts'
import { Failure, missing, unavailable } from '../failure.ts'
import { either } from './abort.ts'
import { fetchBatch, type Patience } from './batch.ts'
import { boundedQueue, type Queue } from './queue.ts'
import { chooseSource, type RankedSource } from './ranking.ts'
import type { ChunkStore, Run } from './source.ts'

export interface CopyOptions extends Patience {
  /** What the store lacks. */
  readonly digests: readonly Digest[]
  /** Asked before each batch, so a source that appears meanwhile is used. The best comes first. */
  readonly sources: () => readonly RankedSource[]
  readonly store: ChunkStore
  readonly signal: AbortSignal
  /** How long a source that failed a batch sits out. */
  readonly restMs: number
  /** Hears of every run that was fetched, and from whom. */
  readonly onRun?: (run: Run, from: RankedSource) => void
  /** 256 chunks, as usual, are about 16 MiB of raw data. */
  readonly batchChunks?: number
  readonly inFlight?: number
}

/**
 * Brings chunks into the store. A batch that fails at one source goes on at the next with what is still
 * missing; the copy fails when a batch failed everywhere, or when the store does. What came until then stays.
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

interface Copying {
  readonly options: CopyOptions
  readonly queue: Queue<Run>
  readonly busy: Map<string, number>
  readonly restingUntil: Map<string, number>
}

/** The first batch that fails everywhere stops the others. */
async function fetchAll(
  batches: readonly Digest[][],
  options: CopyOptions,
  queue: Queue<Run>,
): Promise<void> {
  const stop = new AbortController()
  const signal = either(stop.signal, options.signal)
  const copying = {
    options: { ...options, signal },
    queue,
    busy: new Map<string, number>(),
    restingUntil: new Map<string, number>(),
  }
  const next = batches.values()
  const work = async (): Promise<void> => {
    for (const batch of next) await copyBatch(new Set(batch), copying)
  }
  try {
    await Promise.all(Array.from({ length: options.inFlight ?? 4 }, work))
    queue.end()
  } catch (error) {
    stop.abort(error)
    queue.fail(error)
    throw error
  }
}

async function copyBatch(wanted: Set<Digest>, copying: Copying): Promise<void> {
  const { options, busy, restingUntil } = copying
  const faults = new Map<string, unknown>()
  while (wanted.size > 0) {
    const sources = options.sources()
    const tried = new Set(faults.keys())
    const from = chooseSource(sources, tried, copying, options.clock.now())
    if (from === undefined) throw nobodyHas(wanted, faults)
    busy.set(from.name, (busy.get(from.name) ?? 0) + 1)
    try {
      await fetchBatch(from, wanted, (run) => take(run, from, copying), options, options.signal)
      faults.set(from.name, missing('CHUNK_NOT_FOUND', `it lacks ${wanted.size} of them`))
    } catch (error) {
      options.signal.throwIfAborted()
      faults.set(from.name, error)
      restingUntil.set(from.name, options.clock.now() + options.restMs)
    } finally {
      busy.set(from.name, (busy.get(from.name) ?? 1) - 1)
    }
  }
}

async function take(run: Run, from: RankedSource, { options, queue }: Copying): Promise<void> {
  options.onRun?.(run, from)
  await queue.push(run, options.signal)
}

/** One reason stands for all if they agree: a chunk that no source holds is missing rather than out of reach. */
function nobodyHas(wanted: ReadonlySet<Digest>, faults: ReadonlyMap<string, unknown>): Failure {
  const [first = ''] = wanted
  const told = [...faults].map(([name, fault]) => `${name}: ${messageOf(fault)}`)
  const why = told.length === 0 ? 'there is no source' : told.join('; ')
  const text = `${wanted.size} chunks could not be fetched: ${why}`
  const facts = { count: String(wanted.size), first, sources: [...faults.keys()].join(' ') }
  const causes = [...faults.values()]
  const cause = causes.at(-1)
  const lacking =
    causes.length > 0 && causes.every((c) => c instanceof Failure && c.reason === 'CHUNK_NOT_FOUND')
  return lacking
    ? missing('CHUNK_NOT_FOUND', text, facts, cause)
    : unavailable('UNREACHABLE', text, facts, cause)
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
}
