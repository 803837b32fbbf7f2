import type { Digest } from '../content/digest.ts'
import { Failure, missing } from '../failure.ts'
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

export interface PackStore extends ChunkStore {
  /**
   * The store for a writer who keeps others from collecting its chunks: `absent` has them all needed from then on, and tells
   * which are not there.
   */
  leased(absent: ChunkIndex['absent']): Pick<ChunkStore, 'missing' | 'store'>
}

/** Chunks in packs in a blob store. */
export function packStore(deps: PackStoreDeps): PackStore {
  const { blobs, index, newId, readsAhead = 4 } = deps
  const { packBytes = 16 * 1024 * 1024, packsInFlight = 2 } = deps
  const packs = packing({ blobs, index, newId, packBytes, packsInFlight })
  return {
    missing: (digests) => index.absent(digests),
    fetch: (digests, signal) => fetch(blobs, index, readsAhead, digests, signal),
    store: (runs, signal) => store(packs, (digests) => index.absent(digests), runs, signal),
    leased: (absent) => ({
      missing: absent,
      store: (runs, signal) => store(packs, absent, runs, signal),
    }),
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
  const read = (stretch: Stretch) => readStretch(blobs, index, stretch, signal)
  for await (const runs of ahead(stretches(index, digests), readsAhead, read)) yield* runs
}

/** Whoever rewrites a pack moves its chunks before it goes: those of a pack that has gone lie elsewhere, or nowhere any more. */
async function readStretch(
  blobs: BlobStore,
  index: ChunkIndex,
  stretch: Stretch,
  signal?: AbortSignal,
): Promise<Run[]> {
  const { pack, offset, length, chunks } = stretch
  try {
    return [runOf(stretch, await blobs.range(pack, offset, length, signal))]
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'CHUNK_NOT_FOUND') throw error
    const digests = chunks.map(({ digest }) => digest)
    const places = await index.locate(digests)
    const lacking = digests.find((digest) => !places.has(digest))
    if (lacking !== undefined) throw notThere(lacking)
    const moved = planStretches(digests, places)
    if (moved.some((other) => other.pack === pack)) throw error
    return (
      await Promise.all(moved.map((other) => readStretch(blobs, index, other, signal)))
    ).flat()
  }
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
  absentOf: ChunkIndex['absent'],
  runs: AsyncIterable<Run>,
  signal?: AbortSignal,
): Promise<void> {
  const mine = new Set<Pack>()
  try {
    for await (const run of runs) {
      signal?.throwIfAborted()
      const absent = await absentOf(run.entries.map((entry) => entry.digest))
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

export function notThere(digest: Digest): Failure {
  return missing('CHUNK_NOT_FOUND', `chunk ${digest} is not in this store`, { digest })
}
