import { checkDeltas } from './deltas.ts'
import { afterSearch, type Finding } from './findings.ts'
import { checkManifests, type Images } from './manifests.ts'
import { checkPacks, entriesOf, type Packs } from './packs.ts'
import type { Side } from './side.ts'

export interface FsckOptions {
  /** Whether every chunk is read and verified too. */
  readonly read: boolean
  readonly repair: boolean
  /** Whether to believe that all packs are gone, where none is there. */
  readonly allLost: boolean
}

/** What was looked at, and what is wrong with it. */
export interface FsckReport extends Packs, Images {
  readonly read: boolean
  readonly repair: boolean
  readonly findings: readonly Finding[]
}

/** Hears of each pack that was looked at. */
export type Tell = (donePacks: number, totalPacks: number) => void

/** Holds packs, index, manifests and database against each other, and says what is wrong; nothing else may use them. */
export async function fsck(
  side: Side,
  options: FsckOptions,
  tell: Tell,
  signal: AbortSignal,
): Promise<FsckReport> {
  const { read, repair } = options
  const packs = await checkPacks(side, options, tell, signal)
  const images = await checkImages(side, repair, signal)
  const deltas = side.deltas === undefined ? [] : await checkDeltas(side.deltas, side.blobs, repair)
  const { findings: ofPacks, ...packCounts } = packs
  const { findings: ofImages, ...imageCounts } = images
  const findings = [...ofPacks, ...ofImages, ...deltas]
  return { read, repair, ...packCounts, ...imageCounts, findings }
}

/** Where chunks are missing, the packs are searched for them, and it is looked at again. */
async function checkImages(side: Side, repair: boolean, signal: AbortSignal) {
  const first = await checkManifests(side, repair, signal)
  if (!repair || first.findings.every(({ flaw }) => flaw !== 'missing chunks')) return first
  await searchPacks(side, signal)
  const second = await checkManifests(side, repair, signal)
  return { ...first, findings: afterSearch(first.findings, second.findings) }
}

/** Records what packs have and no row tells, also what nobody needs: the next collection takes that again. */
async function searchPacks(
  { blobs, places, collectable }: Side,
  signal: AbortSignal,
): Promise<void> {
  for (const row of await collectable.packUse(0)) {
    const entries = await entriesOf(blobs, row, signal)
    if (!Array.isArray(entries)) continue
    const absent = new Set(await places.absent(entries.map(({ digest }) => digest)))
    const lost = entries.filter(({ digest }) => absent.has(digest))
    if (lost.length > 0) await places.record(row.key, row.sizeBytes, lost)
  }
}
