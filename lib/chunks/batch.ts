import type { Digest } from '../content/digest.ts'
import { type Failure, invalid, late, missing } from '../failure.ts'
import { either, leave, nobodyWaits, unlessAborted } from './abort.ts'
import type { Clock } from './clock.ts'
import type { RankedSource } from './ranking.ts'
import type { Run } from './source.ts'
import type { Standing } from './standing.ts'

export interface Patience {
  readonly clock: Clock
  /** How long a source may take to answer or to yield the next run. */
  readonly stallMs: number
}

export interface PartOptions extends Patience {
  readonly standing: Standing
}

/** Takes from one source what it was found to hold. Fails when the source does, stalls, or sends what it was not asked for. */
export async function fetchPart(
  { name, source }: RankedSource,
  asked: readonly Digest[],
  take: (run: Run) => Promise<void>,
  options: PartOptions,
  signal: AbortSignal,
): Promise<void> {
  const { standing } = options
  const stop = new AbortController()
  const both = either(stop.signal, signal)
  const left = new Set(asked)
  using _working = standing.working(name)
  const next: Next<Run> = async (iterator) => {
    const came = standing.waiting(name)
    let bytes = 0
    try {
      const result = await unlessStalled(iterator.next(), options, both)
      bytes = result.done === true ? 0 : result.value.payload.length
      return result
    } finally {
      came(bytes)
    }
  }
  try {
    for await (const run of paced(source.fetch(asked, both), next)) {
      strikeOff(run, left)
      await take(run)
    }
    if (left.size > 0) throw cutShort(left)
    standing.did(name)
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
  return paced(items, (iterator) => unlessStalled(iterator.next(), patience, signal))
}

type Next<T> = (iterator: AsyncIterator<T>) => Promise<IteratorResult<T>>

/** Only the time that the source takes counts, not that of whoever takes the runs. */
async function* paced<T>(
  items: AsyncIterable<T>,
  next: Next<T>,
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const result = await next(iterator)
      if (result.done === true) return
      yield result.value
    }
  } finally {
    leave(iterator)
  }
}

/** A source that does not heed the signal is left to itself. */
export async function unlessStalled<T>(
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

function strikeOff({ entries }: Run, left: Set<Digest>): void {
  for (const { digest } of entries) {
    if (!left.delete(digest)) throw unasked(digest)
  }
}

function unasked(digest: Digest): Failure {
  return invalid('INVALID_CHUNK', `chunk ${digest} was not asked for`, { digest })
}

function cutShort(left: ReadonlySet<Digest>): Failure {
  return missing('CHUNK_NOT_FOUND', `the answer ended ${left.size} chunks early`, {
    count: String(left.size),
  })
}
