import type { Digest } from '../content/digest.ts'
import { type Failure, missing } from '../failure.ts'
import { ahead } from './ahead.ts'
import type { BlobStore } from './blobs.ts'
import { type Pack, type Packing, packing } from './packing.ts'
import type { ChunkIndex } from './places.ts'
import { planStretches, runOf, type Stretch } from './ranges.ts'
import type { ChunkStore, Run } from './source.ts'

export interface PackStoreDeps {
  readonly blobs: BlobStore
  readonly index: ChunkIndex
  /** A new ULID each time; it names a pack. */
  readonly newId: () => string
  /** How large a pack becomes. */
  readonly packBytes?: number
  /** Packs being made durable at once. */
  readonly packsInFlight?: number
  /** Ranges that a fetch reads at once. */
  readonly readsAhead?: number
}

/** Chunks in packs in a blob store. */
export function packStore(deps: PackStoreDeps): ChunkStore {
  const { blobs, index, newId, readsAhead = 4 } = deps
  const { packBytes = 16 * 1024 * 1024, packsInFlight = 2 } = deps
  const packs = packing({ blobs, index, newId, packBytes, packsInFlight })
  return {
    missing: (digests) => index.absent(digests),
    fetch: (digests, signal) => fetch(blobs, index, readsAhead, digests, signal),
    store: (runs, signal) => store(packs, index, runs, signal),
    remove: (digests) => index.remove(digests),
  }
}

async function* fetch(
  blobs: BlobStore,
  index: ChunkIndex,
  readsAhead: number,
  digests: readonly Digest[],
  signal?: AbortSignal,
): AsyncGenerator<Run, void, undefined> {
  yield* ahead(stretches(index, digests), readsAhead, async (stretch) => {
    const { pack, offset, length } = stretch
    return runOf(stretch, await blobs.range(pack, offset, length, signal))
  })
}

/** Some 100 MB at a time, so that the first comes soon and the places of a whole image are never held at once. */
const locatedAtOnce = 4096

async function* stretches(
  index: ChunkIndex,
  digests: readonly Digest[],
): AsyncGenerator<Stretch, void, undefined> {
  const each = [...new Set(digests)]
  for (let at = 0; at < each.length; at += locatedAtOnce) {
    const asked = each.slice(at, at + locatedAtOnce)
    const places = await index.locate(asked)
    const lacking = asked.find((digest) => !places.has(digest))
    if (lacking !== undefined) throw notThere(lacking)
    yield* planStretches(asked, places)
  }
}

/** What came before an input fails or is stopped is kept: nobody has to send it twice. */
async function store(
  packs: Packing,
  index: ChunkIndex,
  runs: AsyncIterable<Run>,
  signal?: AbortSignal,
): Promise<void> {
  const mine = new Set<Pack>()
  try {
    for await (const run of runs) {
      signal?.throwIfAborted()
      const absent = await index.absent(run.entries.map((entry) => entry.digest))
      for (const pack of await packs.add(run, new Set(absent))) mine.add(pack)
      await throwIfFailed(mine)
    }
    signal?.throwIfAborted()
  } catch (error) {
    await packs.settle(mine).catch(() => undefined)
    throw error
  }
  await packs.settle(mine)
}

/** A full disk ends a store at its next run, not at its end. */
async function throwIfFailed(packs: ReadonlySet<Pack>): Promise<void> {
  for (const pack of packs) if (pack.failed) await pack.recorded
}

function notThere(digest: Digest): Failure {
  return missing('CHUNK_NOT_FOUND', `chunk ${digest} is not in this store`, { digest })
}
