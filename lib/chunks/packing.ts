import type { Digest } from '../content/digest.ts'
import { release } from '../memory.ts'
import type { BlobStore } from './blobs.ts'
import { layOut, packHeader, packHeaderBytes, packTrailer } from './pack.ts'
import type { ChunkIndex } from './places.ts'
import { boundedQueue, type Queue } from './queue.ts'
import type { Run, RunEntry } from './source.ts'

/**
 * Fills packs with chunks, which go to the blob store as they come. All writers share the one open pack, so that a parallel
 * upload does not end in many small ones.
 */
export interface Packing {
  /**
   * Puts those chunks of the run that are wanted, and in no pack yet, into one; answers with every pack that has any of them.
   * Waits while the blob store is behind.
   */
  add(run: Run, wanted: ReadonlySet<Digest>): Promise<ReadonlySet<Pack>>
  /** Settles once all of the packs are recorded or given up; rejects with what befell the first that could not be recorded. */
  settle(packs: ReadonlySet<Pack>): Promise<void>
}

export interface PackingDeps {
  readonly blobs: BlobStore
  readonly index: ChunkIndex
  readonly newId: () => string
  /** A pack ends where the next run would make it larger. */
  readonly packBytes: number
  /** Packs being made durable at once, beside the one that is being filled. */
  readonly packsInFlight: number
}

/** A pack that has chunks of a writer. It outlives its bytes, so that the writer can hear of it. */
export interface Pack {
  /** Resolves once its chunks are durable and recorded. */
  readonly recorded: Promise<undefined>
  /** Whether `recorded` has rejected. */
  failed: boolean
}

interface Filling {
  readonly pack: Pack
  readonly outcome: PromiseWithResolvers<undefined>
  readonly key: string
  readonly entries: RunEntry[]
  readonly parts: Queue<Part>
  usedBytes: number
  /** Bytes that the blob store has not taken yet. */
  waitingBytes: number
  /** Resolves when it takes some, or fails. */
  taken: PromiseWithResolvers<undefined>
}

interface Part {
  readonly bytes: Uint8Array
  /** To be called when nobody needs the bytes any more. */
  readonly spent: () => void
}

const mostWaitingBytes = 4 * 1024 * 1024

export function packing(deps: PackingDeps): Packing {
  const pending = new Map<Digest, Pack>()
  const finishing = new Set<Promise<void>>()
  let open: Filling | undefined

  const start = (): Filling => {
    const full = begin(deps.newId())
    void write(deps, full).then(() => {
      if (open === full) open = undefined
      for (const { digest } of full.entries) pending.delete(digest)
    })
    return full
  }
  /** Ends the open pack, or waits until one is done that is being made durable. */
  const seal = async (full: Filling): Promise<void> => {
    if (finishing.size >= deps.packsInFlight) {
      await Promise.race(finishing)
      return
    }
    open = undefined
    full.parts.end()
    const ended = full.pack.recorded.then(ignore, ignore)
    const done = ended.then(() => void finishing.delete(done))
    finishing.add(done)
  }
  return {
    async add(run, wanted) {
      while (isFull(open, run, deps.packBytes)) await seal(open)
      const fresh = run.entries.filter(({ digest }) => wanted.has(digest) && !pending.has(digest))
      if (fresh.length > 0) {
        open ??= start()
        for (const { digest } of fresh) pending.set(digest, open.pack)
        append(open, run, new Set(fresh))
      } else release(run.payload)
      const filled = open
      const packs = new Set(run.entries.flatMap(({ digest }) => pending.get(digest) ?? []))
      while (filled !== undefined && isBehind(filled)) await filled.taken.promise
      return packs
    },
    async settle(packs) {
      for (const pack of packs) while (open?.pack === pack) await seal(open)
      const recorded = await Promise.allSettled(Array.from(packs, (pack) => pack.recorded))
      const failed = recorded.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
  }
}

const ignore = (): void => undefined

function isFull(open: Filling | undefined, { payload }: Run, packBytes: number): open is Filling {
  return (
    open !== undefined && open.entries.length > 0 && open.usedBytes + payload.length > packBytes
  )
}

function isBehind({ waitingBytes, pack }: Filling): boolean {
  return waitingBytes > mostWaitingBytes && !pack.failed
}

function begin(id: string): Filling {
  const outcome = Promise.withResolvers<undefined>()
  outcome.promise.catch(ignore)
  return {
    pack: { recorded: outcome.promise, failed: false },
    outcome,
    key: `packs/${id}`,
    entries: [],
    parts: boundedQueue(Infinity),
    usedBytes: packHeaderBytes,
    waitingBytes: 0,
    taken: Promise.withResolvers(),
  }
}

/** Hands the fresh chunks on, those that lie side by side together; the last of them gives the run's memory back. */
function append(full: Filling, { entries, payload }: Run, fresh: ReadonlySet<RunEntry>): void {
  const stretches: { start: number; end: number }[] = []
  let offset = 0
  for (const entry of entries) {
    const end = offset + entry.storedBytes
    const last = stretches.at(-1)
    if (fresh.has(entry)) {
      full.entries.push(entry)
      if (last?.end === offset) last.end = end
      else stretches.push({ start: offset, end })
    }
    offset = end
  }
  let left = stretches.length
  const spent = (): void => {
    if (--left === 0) release(payload)
  }
  for (const { start, end } of stretches) {
    full.usedBytes += end - start
    full.waitingBytes += end - start
    // It rejects when the blob store has failed, which the writer hears from the pack.
    full.parts.push({ bytes: payload.subarray(start, end), spent }).catch(ignore)
  }
}

/** Rows go after bytes: a crash in between leaves a pack without rows, which `rebuild` finds, never rows without bytes. */
async function write({ blobs, index }: PackingDeps, full: Filling): Promise<void> {
  const { pack, outcome, key, entries } = full
  try {
    await blobs.put(key, bytesOf(full))
    const trailerBytes = packTrailer(entries).length
    await index.record(key, full.usedBytes + trailerBytes, layOut(entries))
    outcome.resolve(undefined)
  } catch (error) {
    pack.failed = true
    outcome.reject(error)
  }
  full.taken.resolve(undefined)
}

async function* bytesOf(full: Filling): AsyncGenerator<Uint8Array, void, undefined> {
  yield packHeader()
  for await (const { bytes, spent } of full.parts) {
    const { length } = bytes
    yield bytes
    spent()
    full.waitingBytes -= length
    full.taken.resolve(undefined)
    full.taken = Promise.withResolvers()
  }
  yield packTrailer(full.entries)
}
