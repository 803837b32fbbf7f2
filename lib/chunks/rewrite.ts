import { release } from '../memory.ts'
import type { BlobStat, BlobStore } from './blobs.ts'
import type { CollectableIndex } from './collectable.ts'
import { layOut, packHeader, type PackEntry, packSizeOf, packTrailer } from './pack.ts'
import { planStretches, runOf } from './ranges.ts'
import type { RunEntry } from './source.ts'
import type { Verify } from './verified.ts'

export interface RewriteDeps {
  readonly blobs: BlobStore
  readonly index: CollectableIndex
  /** A new ULID each time: the key of a pack is never used again. */
  readonly newId: () => string
  /** Checks what is moved; it may give the chunks in another form. */
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
  if (remains.every((each) => each.entries.length === 0)) {
    await index.doomPacks(packs)
    return undefined
  }
  const key = `packs/${newId()}`
  const entries: RunEntry[] = []
  await blobs.put(key, bytesOf(remains, entries, deps, signal), signal)
  const bytes = entries.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
  const made = { key, sizeBytes: packSizeOf(entries.length, bytes) }
  await index.replace(packs, made, layOut(entries))
  return made
}

async function* bytesOf(
  remains: readonly Remains[],
  moved: RunEntry[],
  { blobs, verify }: RewriteDeps,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield packHeader()
  for (const { pack, entries } of remains) {
    const places = new Map(entries.map((entry) => [entry.digest, { ...entry, pack }]))
    for (const stretch of planStretches([...places.keys()], places)) {
      const { offset, length } = stretch
      const run = runOf(stretch, await blobs.range(pack, offset, length, signal))
      const { entries: checked, payload } = await verify(run, signal)
      moved.push(...checked)
      yield payload
      release(payload)
    }
  }
  yield packTrailer(moved)
}
