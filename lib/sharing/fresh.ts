import type { Digest } from '../content/digest.ts'
import {
  maxRunBytes,
  type ChunkSource,
  type ChunkStore,
  type Run,
  type RunEntry,
} from '../chunks/source.ts'

/** A store whose chunks can be had from the moment they come, rather than once they are durable. */
export interface Fresh {
  /** The same store; what goes into it is remembered for a while. */
  readonly store: ChunkStore
  /** What it holds, and what is about to be in it. */
  readonly served: ChunkSource
}

interface Remembered {
  readonly entry: RunEntry
  readonly bytes: Uint8Array
  readonly run: Run
}

/** More than is on its way to the disk at a time: three packs and what waits. */
const mostBytes = 56 * 1024 * 1024

/** Others need not wait for a pack to be full. Remembers only while `isWanted`: it costs a copy of the bytes. */
export function fresh(store: ChunkStore, isWanted: () => boolean, most = mostBytes): Fresh {
  const shelf = shelfOf(most)
  return {
    store: {
      missing: (digests, signal) => store.missing(digests, signal),
      fetch: (digests, signal) => store.fetch(digests, signal),
      remove: (digests) => store.remove(digests),
      async store(incoming, signal) {
        const owner = {}
        async function* passing(): AsyncGenerator<Run> {
          for await (const run of incoming) {
            if (isWanted()) shelf.remember(run, owner)
            yield run
          }
        }
        try {
          await store.store(passing(), signal)
        } finally {
          shelf.forgetAll(owner)
        }
      },
    },
    served: {
      missing(digests, signal) {
        const others = digests.filter((digest) => shelf.find(digest) === undefined)
        return store.missing(others, signal)
      },
      async *fetch(digests, signal) {
        const each = [...new Set(digests)]
        const held = new Map(each.map((digest) => [digest, shelf.find(digest)]))
        yield* gathered([...held.values()].filter((found) => found !== undefined))
        const others = each.filter((digest) => held.get(digest) === undefined)
        if (others.length > 0) yield* store.fetch(others, signal)
      },
    },
  }
}

interface Shelf {
  find(digest: Digest): Remembered | undefined
  /** Keeps a copy, at the expense of the oldest. */
  remember(run: Run, owner: object): void
  /** What of the owner's is still here. */
  forgetAll(owner: object): void
}

function shelfOf(most: number): Shelf {
  const remembered = new Map<Digest, Remembered>()
  const owners = new Map<Run, object>()
  let bytes = 0
  const forget = (run: Run): void => {
    owners.delete(run)
    bytes -= run.payload.length
    for (const { digest } of run.entries) {
      if (remembered.get(digest)?.run === run) remembered.delete(digest)
    }
  }
  return {
    find: (digest) => remembered.get(digest),
    forgetAll(owner) {
      for (const [run, whose] of owners) if (whose === owner) forget(run)
    },
    remember({ entries, payload }, owner) {
      const run = { entries, payload: new Uint8Array(payload) }
      owners.set(run, owner)
      bytes += run.payload.length
      for (const [entry, part] of partsOf(run)) {
        remembered.set(entry.digest, { entry, bytes: part, run })
      }
      for (const oldest of owners.keys()) {
        if (bytes <= most) break
        forget(oldest)
      }
    },
  }
}

function* partsOf({ entries, payload }: Run): Generator<readonly [RunEntry, Uint8Array]> {
  let offset = 0
  for (const entry of entries) {
    yield [entry, payload.subarray(offset, offset + entry.storedBytes)]
    offset += entry.storedBytes
  }
}

/** Runs in memory of their own: whoever gets one may give it back. */
function* gathered(chunks: readonly Remembered[]): Generator<Run> {
  let [from, size] = [0, 0]
  for (const [i, { bytes }] of chunks.entries()) {
    if (size > 0 && size + bytes.length > maxRunBytes) {
      yield together(chunks.slice(from, i))
      ;[from, size] = [i, 0]
    }
    size += bytes.length
  }
  if (size > 0) yield together(chunks.slice(from))
}

function together(chunks: readonly Remembered[]): Run {
  return {
    entries: chunks.map(({ entry }) => entry),
    payload: Buffer.concat(chunks.map(({ bytes }) => bytes)),
  }
}
