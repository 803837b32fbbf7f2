import type { Digest } from '../content/digest.ts'
import { type Failure, invalid, late, missing } from '../failure.ts'
import { either, leave, nobodyWaits, unlessAborted } from './abort.ts'
import type { Clock } from './clock.ts'
import type { RankedSource } from './ranking.ts'
import type { Run } from './source.ts'

export interface Patience {
  readonly clock: Clock
  /** How long a source may take to answer or to yield the next run. */
  readonly stallMs: number
}

/**
 * Takes from one source what it has of `wanted`, and strikes that off. Fails when the source does, stalls, or sends what it was
 * not asked for. A peer may hold a part of an image only, so it is asked first, and what it lacks is not its fault.
 */
export async function fetchBatch(
  { source, origin }: RankedSource,
  wanted: Set<Digest>,
  take: (run: Run) => Promise<void>,
  patience: Patience,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController()
  const both = either(stop.signal, signal)
  const inTime = <T>(promise: Promise<T>): Promise<T> => unlessStalled(promise, patience, both)
  try {
    const asked = [...wanted]
    const lacking = new Set(origin === 'peer' ? await inTime(source.missing(asked, both)) : [])
    const held = new Set(asked.filter((digest) => !lacking.has(digest)))
    if (held.size === 0) return
    for await (const run of paced(source.fetch([...held], both), inTime)) {
      strikeOff(run, held)
      await take(run)
      for (const { digest } of run.entries) wanted.delete(digest)
    }
    if (held.size > 0) throw cutShort(held)
  } finally {
    stop.abort(nobodyWaits)
  }
}

/** The items, or TOO_LATE when nothing comes for too long. */
export function impatient<T>(
  items: AsyncIterable<T>,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  return paced(items, (next) => unlessStalled(next, patience, signal))
}

/** Only the time that the source takes counts, not that of whoever takes the runs. */
async function* paced<T>(
  items: AsyncIterable<T>,
  inTime: (next: Promise<IteratorResult<T>>) => Promise<IteratorResult<T>>,
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await inTime(iterator.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    leave(iterator)
  }
}

/** A source that does not heed the signal is left to itself. */
async function unlessStalled<T>(
  promise: Promise<T>,
  { clock, stallMs }: Patience,
  signal: AbortSignal,
): Promise<T> {
  const done = new AbortController()
  const stall = clock.sleep(stallMs, done.signal).then(() => {
    throw late('TOO_LATE', `nothing came for ${stallMs} ms`)
  })
  stall.catch(() => undefined)
  try {
    return await unlessAborted(Promise.race([promise, stall]), signal)
  } finally {
    done.abort(nobodyWaits)
  }
}

function strikeOff({ entries }: Run, held: Set<Digest>): void {
  for (const { digest } of entries) {
    if (!held.delete(digest)) throw unasked(digest)
  }
}

function unasked(digest: Digest): Failure {
  return invalid('INVALID_CHUNK', `chunk ${digest} was not asked for`, { digest })
}

function cutShort(held: ReadonlySet<Digest>): Failure {
  return missing('CHUNK_NOT_FOUND', `the answer ended ${held.size} chunks early`, {
    count: String(held.size),
  })
}
