import type { Digest } from '../content/digest.ts'
import { Failure, precondition, unavailable } from '../failure.ts'
import { release } from '../memory.ts'
import type { BlobStat, BlobStore } from './blobs.ts'
import type { Clock } from './clock.ts'
import type { CollectableIndex, PackUse } from './collectable.ts'
import type { DamageLog } from './damage.ts'
import { type Limit, limitTo } from './limit.ts'
import { packHeader, packHeaderBytes, type PackEntry, readPackIndex } from './pack.ts'
import { planStretches, runOf, type Stretch } from './ranges.ts'
import type { Verify } from './verified.ts'

export interface ReadDeps {
  readonly blobs: BlobStore
  readonly verify: Verify
}

export interface ScrubDeps extends ReadDeps {
  readonly index: Pick<CollectableIndex, 'packUse' | 'contents'>
  readonly damage: Pick<DamageLog, 'note'>
  readonly clock: Clock
  /** Bytes that are read in a second at most. */
  readonly bytesPerSecond: number
}

/** A pack that was read, and how far the pass is with it. */
export interface PackSeen {
  readonly pack: string
  readonly bytes: number
  /** Chunks found damaged that were not known to be. */
  readonly damaged: number
  /** Whether it has some flaw: damaged chunks, or an index or a header of other bytes. */
  readonly flawed: boolean
  readonly donePacks: number
  readonly totalPacks: number
  readonly doneBytes: number
  readonly totalBytes: number
}

/** So many packs that are gone or cannot be read are a store that is not there or a disk that fails, and no rot. */
const several = 3

/** Reads every recorded pack behind `after`, straight ahead, and notes what is damaged. */
export async function* scrub(
  after: string,
  deps: ScrubDeps,
  signal: AbortSignal,
): AsyncGenerator<PackSeen, void, undefined> {
  const packs = (await deps.index.packUse(0)).toSorted((a, b) => (a.key < b.key ? -1 : 1))
  await demandStore(packs.length, deps.blobs, signal)
  const count = counter(packs, after)
  const limit = limitTo(deps.bytesPerSecond, deps.clock)
  let unreadable: Looked[] = []
  for (const pack of packs.filter(({ key }) => key > after)) {
    signal.throwIfAborted()
    const looked = await lookAt(pack, deps, limit, signal)
    if (looked.gone) await demandStore(packs.length, deps.blobs, signal)
    if (looked.unreadable) {
      unreadable.push(looked)
      if (unreadable.length >= several) throw failing(unreadable)
      continue
    }
    for (const each of [...unreadable, looked]) yield count(await settle(each, deps))
    unreadable = []
  }
  for (const each of unreadable) yield count(await settle(each, deps))
}

/** Where several packs are recorded and none is there, the store is not: a volume that is not mounted, say. That is no rot. */
async function demandStore(recorded: number, blobs: BlobStore, signal: AbortSignal): Promise<void> {
  if (recorded < several) return
  for await (const _ of blobs.list('packs/', signal)) return
  throw unavailable(
    'NOT_READY',
    `none of ${recorded} packs is there: is the store where it should be?`,
  )
}

function failing(packs: readonly Looked[]): Failure {
  const [first = ''] = packs.map(({ pack }) => pack.key)
  return precondition(
    'UNREADABLE',
    `${packs.length} packs on end cannot be read at all, ${first} the first: look at the disk and at who may read there; packs that are deleted are fetched again`,
    { path: first },
  )
}

/** A pack that was read. */
interface Looked {
  readonly pack: PackUse
  readonly whole: boolean
  readonly gone: boolean
  /** Whether the disk gave nothing of it. */
  readonly unreadable: boolean
  readonly chunks: number
  readonly bad: readonly Digest[]
}

async function lookAt(
  pack: PackUse,
  deps: ScrubDeps,
  limit: Limit,
  signal: AbortSignal,
): Promise<Looked> {
  const whole = await isWhole(pack, deps.blobs, signal)
  const entries = await deps.index.contents(pack.key)
  const places = new Map(entries.map((entry) => [entry.digest, { ...entry, pack: pack.key }]))
  const bad: Bad[] = []
  for (const stretch of planStretches([...places.keys()], places)) {
    bad.push(...(await badIn(stretch, deps, signal)))
    await limit.take(stretch.length, signal)
  }
  const all = (reason: string): boolean =>
    bad.length > 0 && bad.length === entries.length && bad.every((each) => each.reason === reason)
  return {
    pack,
    whole,
    gone: all('CHUNK_NOT_FOUND'),
    unreadable: all('UNREADABLE'),
    chunks: entries.length,
    bad: bad.map(({ digest }) => digest),
  }
}

/** Notes what is bad. A pack that went meanwhile was collected or rewritten, each chunk verified: it has no damage. */
async function settle(
  { pack, whole, chunks, bad }: Looked,
  { index, damage }: ScrubDeps,
): Promise<Pick<PackSeen, 'pack' | 'bytes' | 'damaged' | 'flawed'>> {
  const still = bad.length === 0 ? [] : await stillThere(pack.key, bad, index)
  const damaged = still.length === 0 ? 0 : await damage.note(pack.key, still)
  const flawed = still.length > 0 || (!whole && chunks > 0)
  return { pack: pack.key, bytes: pack.chunkBytes, damaged, flawed }
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

interface Bad {
  readonly digest: Digest
  readonly reason: string
}

/** A stretch that is not right is looked at chunk by chunk. */
export async function badIn(stretch: Stretch, deps: ReadDeps, signal: AbortSignal): Promise<Bad[]> {
  if ((await flawOf(stretch, deps, signal)) === undefined) return []
  const bad: Bad[] = []
  for (const chunk of stretch.chunks) {
    const reason = await flawOf(alone(stretch.pack, chunk), deps, signal)
    if (reason !== undefined) bad.push({ digest: chunk.digest, reason })
  }
  return bad
}

function alone(pack: string, chunk: PackEntry): Stretch {
  return { pack, offset: chunk.offset, length: chunk.storedBytes, chunks: [chunk] }
}

async function flawOf(
  stretch: Stretch,
  { blobs, verify }: ReadDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const bytes = await blobs.range(stretch.pack, stretch.offset, stretch.length, signal)
    const { payload } = await verify(runOf(stretch, bytes), signal)
    release(payload)
    return undefined
  } catch (error) {
    if (isRot(error)) return error.reason
    throw error
  }
}

/** What says that these bytes are no good, rather than that the store does not answer now. */
export function isRot(error: unknown): error is Failure {
  return error instanceof Failure && rotten.has(error.reason)
}

const rotten = new Set([
  'CHUNK_CORRUPT',
  'INVALID_CHUNK',
  'PACK_CORRUPT',
  'UNREADABLE',
  'CHUNK_NOT_FOUND',
])

/** Says of each pack how far the pass is with it; what lies before `after` is done. */
function counter(packs: readonly PackUse[], after: string) {
  const before = packs.filter(({ key }) => key <= after)
  const bytesOf = (some: readonly PackUse[]): number =>
    some.reduce((sum, { chunkBytes }) => sum + chunkBytes, 0)
  let [donePacks, doneBytes] = [before.length, bytesOf(before)]
  const [totalPacks, totalBytes] = [packs.length, bytesOf(packs)]
  return (seen: Pick<PackSeen, 'pack' | 'bytes' | 'damaged' | 'flawed'>): PackSeen => {
    donePacks++
    doneBytes += seen.bytes
    return { ...seen, donePacks, totalPacks, doneBytes, totalBytes }
  }
}
