import type { Digest } from '../content/digest.ts'
import { Failure, unavailable } from '../failure.ts'
import { release } from '../memory.ts'
import type { BlobStat, BlobStore } from './blobs.ts'
import type { Clock } from './clock.ts'
import type { CollectableIndex } from './collectable.ts'
import type { DamageLog } from './damage.ts'
import { packHeader, packHeaderBytes, type PackEntry, readPackIndex } from './pack.ts'
import { planStretches, runOf, type Stretch } from './ranges.ts'
import type { Verify } from './verified.ts'

export interface ScrubDeps {
  readonly blobs: BlobStore
  readonly index: Pick<CollectableIndex, 'packUse' | 'contents'>
  readonly damage: DamageLog
  readonly verify: Verify
  readonly clock: Clock
  /** Bytes that are read in a second at most. */
  readonly bytesPerSecond: number
}

/** What a pass saw. */
export interface Scrubbed {
  readonly packs: number
  readonly bytes: number
  /** Chunks found damaged that were not known to be. */
  readonly damaged: number
  /** Packs that have some flaw: damaged chunks, or an index or a header of other bytes. */
  readonly flawed: readonly string[]
}

/** Reads every recorded pack behind `after`, straight ahead, and notes what is damaged. `onPack` hears of each that is done. */
export async function scrub(
  after: string,
  onPack: (pack: string) => Promise<void>,
  deps: ScrubDeps,
  signal: AbortSignal,
): Promise<Scrubbed> {
  const packs = (await deps.index.packUse(0))
    .filter(({ key }) => key > after)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
  await demandStore(packs.length, deps.blobs, signal)
  const pace = pacer(deps)
  const flawed: string[] = []
  let [bytes, damaged] = [0, 0]
  for (const pack of packs) {
    signal.throwIfAborted()
    const found = await scrubPack(pack, deps, (read) => pace(read, signal), signal)
    bytes += found.bytes
    damaged += found.damaged
    if (found.flawed) flawed.push(pack.key)
    await onPack(pack.key)
  }
  return { packs: packs.length, bytes, damaged, flawed }
}

/** Where several packs are recorded and none is there, the store is not: a volume that is not mounted, say. That is no rot. */
async function demandStore(recorded: number, blobs: BlobStore, signal: AbortSignal): Promise<void> {
  if (recorded < 3) return
  for await (const _ of blobs.list('packs/', signal)) return
  throw unavailable(
    'NOT_READY',
    `none of ${recorded} packs is there: is the store where it should be?`,
  )
}

async function scrubPack(
  pack: BlobStat,
  deps: ScrubDeps,
  pace: (bytes: number) => Promise<void>,
  signal: AbortSignal,
): Promise<{ bytes: number; damaged: number; flawed: boolean }> {
  const { index, damage } = deps
  const whole = await isWhole(pack, deps.blobs, signal)
  const entries = await index.contents(pack.key)
  const places = new Map(entries.map((entry) => [entry.digest, { ...entry, pack: pack.key }]))
  const bad: Digest[] = []
  let bytes = 0
  for (const stretch of planStretches([...places.keys()], places)) {
    bad.push(...(await badIn(stretch, deps, signal)))
    bytes += stretch.length
    await pace(stretch.length)
  }
  // A pack that went meanwhile was collected or rewritten, each chunk verified: it has no damage.
  const still = bad.length === 0 ? [] : await stillThere(pack.key, bad, index)
  const damaged = still.length === 0 ? 0 : await damage.note(pack.key, still)
  return { bytes, damaged, flawed: still.length > 0 || (!whole && entries.length > 0) }
}

async function stillThere(
  pack: string,
  digests: readonly Digest[],
  index: ScrubDeps['index'],
): Promise<Digest[]> {
  const there = new Set((await index.contents(pack)).map(({ digest }) => digest))
  return digests.filter((digest) => there.has(digest))
}

/** Whether the pack has the length that is recorded, its header, and an index of the right checksum. */
async function isWhole(
  { key, sizeBytes }: BlobStat,
  blobs: BlobStore,
  signal: AbortSignal,
): Promise<boolean> {
  const read = (offset: number, length: number) => blobs.range(key, offset, length, signal)
  try {
    if ((await blobs.stat(key, signal))?.sizeBytes !== sizeBytes) return false
    if (!packHeader().equals(await read(0, packHeaderBytes))) return false
    await readPackIndex(read, sizeBytes)
    return true
  } catch (error) {
    if (isRot(error)) return false
    throw error
  }
}

/** A stretch that is not right is looked at chunk by chunk. */
async function badIn(stretch: Stretch, deps: ScrubDeps, signal: AbortSignal): Promise<Digest[]> {
  if (await isGood(stretch, deps, signal)) return []
  const bad: Digest[] = []
  for (const chunk of stretch.chunks) {
    if (!(await isGood(alone(stretch.pack, chunk), deps, signal))) bad.push(chunk.digest)
  }
  return bad
}

function alone(pack: string, chunk: PackEntry): Stretch {
  return { pack, offset: chunk.offset, length: chunk.storedBytes, chunks: [chunk] }
}

async function isGood(
  stretch: Stretch,
  { blobs, verify }: ScrubDeps,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const bytes = await blobs.range(stretch.pack, stretch.offset, stretch.length, signal)
    const { payload } = await verify(runOf(stretch, bytes), signal)
    release(payload)
    return true
  } catch (error) {
    if (isRot(error)) return false
    throw error
  }
}

/** What says that these bytes are no good, rather than that the store does not answer now. */
export function isRot(error: unknown): boolean {
  return error instanceof Failure && rotten.has(error.reason)
}

const rotten = new Set([
  'CHUNK_CORRUPT',
  'INVALID_CHUNK',
  'PACK_CORRUPT',
  'UNREADABLE',
  'CHUNK_NOT_FOUND',
])

/** Waits after each read until it would have been done at the rate. */
function pacer({ clock, bytesPerSecond }: ScrubDeps) {
  const began = clock.now()
  let bytes = 0
  return async (more: number, signal: AbortSignal): Promise<void> => {
    bytes += more
    const early = began + (bytes / bytesPerSecond) * 1000 - clock.now()
    if (early > 1) await clock.sleep(early, signal)
  }
}
