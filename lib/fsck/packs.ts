import type { BlobStat, BlobStore } from '../chunks/blobs.ts'
import { packHeader, packHeaderBytes, type PackEntry, readPackIndex } from '../chunks/pack.ts'
import { planStretches } from '../chunks/ranges.ts'
import { badIn, isRot } from '../chunks/scrub.ts'
import type { Digest } from '../content/digest.ts'
import { corrupt, Failure, unavailable } from '../failure.ts'
import { compareChunks, comparePacks, type Finding, finding, mended } from './findings.ts'
import type { FsckOptions, Tell } from './fsck.ts'
import type { Side } from './side.ts'

/** What was looked at. */
export interface Packs {
  readonly packs: number
  readonly bytes: number
  /** Chunks that have rows. */
  readonly chunks: number
}

/** Holds the packs of the store against their rows, and each pack against the rows of its chunks. */
export async function checkPacks(
  side: Side,
  options: FsckOptions,
  tell: Tell,
  signal: AbortSignal,
): Promise<Packs & { readonly findings: readonly Finding[] }> {
  const { blobs, collectable, damage } = side
  const stored = await listed(blobs, signal)
  const fresh = new Set(await collectable.unrecorded(stored.map(({ key }) => key)))
  const rows = await collectable.packUse(0)
  if (options.repair && !options.allLost) demandStore(stored.length, rows.length)
  const { both, unrecorded, lost } = comparePacks(stored, rows, (key) => !fresh.has(key))
  const known = new Set(await damage.left())
  const findings: Finding[] = []
  if (known.size > 0)
    findings.push(finding('damaged chunks', 'known before', known.size, '', 'noted'))
  for (const pack of unrecorded) findings.push(await adopt(pack, side, options, signal))
  for (const { key } of lost) {
    const gone = (await collectable.contents(key)).map(({ digest }) => digest)
    if (options.repair) await damage.note(key, gone)
    findings.push(finding('lost pack', key, gone.length, '', options.repair ? 'noted' : 'left'))
  }
  let done = 0
  for (const { stored: pack, recorded } of both) {
    findings.push(...(await checkPack(pack, recorded, side, options, signal)))
    if (options.read) findings.push(...(await readPack(pack.key, known, side, options, signal)))
    tell(++done, both.length)
  }
  const bytes = stored.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const chunks = rows.reduce((sum, row) => sum + row.chunks, 0)
  return { packs: stored.length, bytes, chunks, findings }
}

/** Noting all chunks as damaged would have the service write everything anew, for a volume that is not mounted. */
function demandStore(stored: number, recorded: number): void {
  if (stored > 0 || recorded < 3) return
  throw unavailable(
    'NOT_READY',
    `None of ${recorded} packs is there: is the volume mounted, and --bucket given? If they are gone for good, say --all-lost.`,
  )
}

async function listed(blobs: BlobStore, signal: AbortSignal): Promise<BlobStat[]> {
  const found: BlobStat[] = []
  for await (const pack of blobs.list('packs/', signal)) found.push(pack)
  return found
}

/** A pack that no row names is recorded from its own index. */
async function adopt(
  pack: BlobStat,
  { blobs, places }: Side,
  { repair }: FsckOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const entries = await entriesOf(blobs, pack, signal)
  if (!Array.isArray(entries)) {
    return finding('damaged pack', pack.key, 0, `${entries.message}; no row names it`, 'left')
  }
  if (repair) await places.record(pack.key, pack.sizeBytes, entries)
  return finding('unrecorded pack', pack.key, entries.length, '', mended(repair))
}

async function checkPack(
  pack: BlobStat,
  recorded: BlobStat,
  side: Side,
  { repair }: FsckOptions,
  signal: AbortSignal,
): Promise<Finding[]> {
  const { blobs, collectable, damage } = side
  const { key } = pack
  const findings: Finding[] = []
  const entries = await wholeEntriesOf(blobs, pack, recorded, signal)
  if (!Array.isArray(entries)) {
    findings.push(finding('damaged pack', key, 0, entries.message, 'left'))
  } else {
    const { moved, alien } = compareChunks(await collectable.contents(key), entries)
    if (repair) {
      await side.correct(key, moved)
      await damage.note(key, alien)
    }
    const count = moved.length + alien.length
    const detail = alien.length > 0 ? `${alien.length} of them are not in it at all` : ''
    if (count > 0) findings.push(finding('misplaced chunks', key, count, detail, mended(repair)))
  }
  return findings
}

/** The pack's own index, and whether the rest of it has the right form. */
async function wholeEntriesOf(
  blobs: BlobStore,
  pack: BlobStat,
  recorded: BlobStat,
  signal: AbortSignal,
): Promise<PackEntry[] | Failure> {
  if (pack.sizeBytes !== recorded.sizeBytes) {
    const was = `it has ${pack.sizeBytes} bytes, and had ${recorded.sizeBytes}`
    return corrupt('PACK_CORRUPT', was)
  }
  const entries = await entriesOf(blobs, pack, signal)
  if (!Array.isArray(entries)) return entries
  const header = await orFlaw(blobs.range(pack.key, 0, packHeaderBytes, signal))
  if (header instanceof Failure) return header
  return packHeader().equals(header) ? entries : corrupt('PACK_CORRUPT', 'its header is another')
}

/** The pack's own index, or what is wrong with it. */
export function entriesOf(
  blobs: BlobStore,
  { key, sizeBytes }: BlobStat,
  signal: AbortSignal,
): Promise<PackEntry[] | Failure> {
  const read = (offset: number, length: number) => blobs.range(key, offset, length, signal)
  return orFlaw(readPackIndex(read, sizeBytes))
}

/** What was read, or what is wrong with it. */
async function orFlaw<T>(reading: Promise<T>): Promise<T | Failure> {
  try {
    return await reading
  } catch (error) {
    if (isRot(error)) return error
    throw error
  }
}

/** Reads and verifies every chunk of the pack. */
async function readPack(
  pack: string,
  known: ReadonlySet<Digest>,
  side: Side,
  { repair }: FsckOptions,
  signal: AbortSignal,
): Promise<Finding[]> {
  const entries = await side.collectable.contents(pack)
  const places = new Map(entries.map((entry) => [entry.digest, { ...entry, pack }]))
  const bad: Digest[] = []
  for (const stretch of planStretches([...places.keys()], places)) {
    signal.throwIfAborted()
    for (const { digest } of await badIn(stretch, side, signal)) {
      if (!known.has(digest)) bad.push(digest)
    }
  }
  const [first] = bad
  if (first === undefined) return []
  if (repair) await side.damage.note(pack, bad)
  return [
    finding(
      'damaged chunks',
      pack,
      bad.length,
      `sha256:${first} the first`,
      repair ? 'noted' : 'left',
    ),
  ]
}
