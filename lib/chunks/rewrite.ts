import { release } from '../memory.ts'
import type { BlobStat, BlobStore } from './blobs.ts'
import type { CollectableIndex } from './collectable.ts'
import { layOut, packHeader, type PackEntry, packSizeOf, packTrailer } from './pack.ts'
import { planStretches, runOf } from './ranges.ts'
import type { Verify } from './verified.ts'

export interface RewriteDeps {
  readonly blobs: BlobStore
  readonly index: CollectableIndex
  /** A new ULID each time: the key of a pack is never used again. */
  readonly newId: () => string
  readonly verify: Verify
}

/** The chunks of one pack that go on. */
interface Remains {
  readonly pack: string
  readonly entries: readonly PackEntry[]
}

/**
 * Puts what is left in the packs into a new one, each chunk verified, and has the index point there. Bytes go before rows: a
 * crash in between leaves an orphan.
 */
export async function rewritePacks(
  packs: readonly string[],
  deps: RewriteDeps,
  signal: AbortSignal,
): Promise<BlobStat | undefined> {
  const { blobs, index, newId } = deps
  const remains = await Promise.all(
    packs.map(async (pack) => ({ pack, entries: await index.contents(pack) })),
  )
  const entries = remains.flatMap((each) => each.entries)
  if (entries.length === 0) {
    await index.doomPacks(packs)
    return undefined
  }
  const key = `packs/${newId()}`
  await blobs.put(key, bytesOf(remains, entries, deps, signal), signal)
  const bytes = entries.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
  const made = { key, sizeBytes: packSizeOf(entries.length, bytes) }
  await index.replace(packs, made, layOut(entries))
  return made
}

async function* bytesOf(
  remains: readonly Remains[],
  entries: readonly PackEntry[],
  { blobs, verify }: RewriteDeps,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield packHeader()
  for (const { pack, entries } of remains) {
    const places = new Map(entries.map((entry) => [entry.digest, { ...entry, pack }]))
    for (const stretch of planStretches([...places.keys()], places)) {
      const { offset, length } = stretch
      const run = runOf(stretch, await blobs.range(pack, offset, length, signal))
      const { payload } = await verify(run, signal)
      yield payload
      release(payload)
    }
  }
  yield packTrailer(entries)
}
