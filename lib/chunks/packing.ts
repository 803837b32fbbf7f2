import type { Digest } from '../content/digest.ts'
import type { BlobStore } from './blobs.ts'
import { layOut, packHeader, packHeaderBytes, packTrailer } from './pack.ts'
import type { ChunkIndex } from './places.ts'
import type { RunEntry } from './source.ts'

/**
 * Fills packs with chunks and writes them. All writers share the one open pack, so memory stays at
 * `packsInFlight` + 1 packs however many there are, and a parallel upload does not end in many small packs.
 */
export interface Packing {
  /** Puts a copy of the chunk into a pack, which it returns; waits while too many packs are being written. */
  add(entry: RunEntry, bytes: Uint8Array): Promise<Pack>
  /** Resolves once the packs are recorded, and rejects with what befell the first that could not be. */
  settle(packs: ReadonlySet<Pack>): Promise<void>
}

export interface PackingDeps {
  readonly blobs: BlobStore
  readonly index: ChunkIndex
  readonly newId: () => string
  readonly packBytes: number
  /** Packs being written at once. */
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
  readonly buffer: Buffer
  readonly entries: RunEntry[]
  usedBytes: number
}

export function packing(deps: PackingDeps): Packing {
  const pending = new Map<Digest, Pack>()
  const writing = new Set<Promise<void>>()
  const spare: Buffer[] = []
  let open: Filling | undefined

  /** Hands the open pack to a writer, or waits for one to be free. */
  const seal = async (full: Filling): Promise<void> => {
    if (writing.size >= deps.packsInFlight) {
      await Promise.race(writing)
      return
    }
    open = undefined
    const written = write(deps, full).finally(() => {
      writing.delete(written)
      spare.push(full.buffer)
      if (writing.size === 0 && open === undefined) spare.length = 0
      for (const { digest } of full.entries) pending.delete(digest)
    })
    writing.add(written)
  }
  return {
    async add(entry, bytes) {
      for (;;) {
        const there = pending.get(entry.digest)
        if (there !== undefined) return there
        open ??= begin(deps, spare.pop(), entry.storedBytes)
        if (open.usedBytes + entry.storedBytes <= open.buffer.length) {
          append(open, entry, bytes)
          pending.set(entry.digest, open.pack)
          return open.pack
        }
        await seal(open)
      }
    },
    async settle(packs) {
      for (const pack of packs) {
        while (open?.pack === pack) await seal(open)
        await pack.recorded
      }
    },
  }
}

/** Takes the bytes of a pack that is done, if there are any: left to the garbage collector they would pile up. */
function begin(
  { newId, packBytes }: PackingDeps,
  spare: Buffer | undefined,
  firstBytes: number,
): Filling {
  const needed = Math.max(packBytes, packHeaderBytes + firstBytes)
  const buffer =
    spare !== undefined && spare.length >= needed ? spare : Buffer.allocUnsafeSlow(needed)
  packHeader().copy(buffer)
  const outcome = Promise.withResolvers<undefined>()
  outcome.promise.catch(() => undefined)
  return {
    pack: { recorded: outcome.promise, failed: false },
    outcome,
    key: `packs/${newId()}`,
    buffer,
    entries: [],
    usedBytes: packHeaderBytes,
  }
}

/** A copy, because a view would keep the whole message alive that the chunk came in. */
function append(open: Filling, entry: RunEntry, bytes: Uint8Array): void {
  open.buffer.set(bytes, open.usedBytes)
  open.usedBytes += entry.storedBytes
  open.entries.push(entry)
}

/** Rows go after bytes: a crash in between leaves a pack without rows, which `rebuild` finds, never rows without bytes. */
async function write({ blobs, index }: PackingDeps, full: Filling): Promise<void> {
  const { pack, outcome, key, buffer, entries, usedBytes } = full
  try {
    const trailer = packTrailer(entries)
    await blobs.put(key, [buffer.subarray(0, usedBytes), trailer])
    await index.record(key, usedBytes + trailer.length, layOut(entries))
    outcome.resolve(undefined)
  } catch (error) {
    pack.failed = true
    outcome.reject(error)
  }
}
