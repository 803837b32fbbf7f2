import type { BlobStat } from '../chunks/blobs.ts'
import type { PackEntry } from '../chunks/pack.ts'
import type { Digest } from '../content/digest.ts'

/** What can be wrong. */
export type Flaw =
  | 'unrecorded pack'
  | 'lost pack'
  | 'damaged pack'
  | 'misplaced chunks'
  | 'damaged chunks'
  | 'damaged manifest'
  | 'missing manifest'
  | 'missing chunks'
  | 'unguarded chunks'
  | 'lost delta'
  | 'stray delta'

/** What became of it: a flaw that is noted is mended by the service once it runs. */
export type Outcome = 'left' | 'noted' | 'repaired'

/** One thing that is wrong. */
export interface Finding {
  readonly flaw: Flaw
  /** The pack, the manifest, the image or the object. */
  readonly where: string
  /** How many chunks it is about; 0 where it is not about chunks. */
  readonly chunks: number
  /** What exactly, where there is more to say. */
  readonly detail: string
  readonly outcome: Outcome
}

export function finding(
  flaw: Flaw,
  where: string,
  chunks: number,
  detail: string,
  outcome: Outcome,
): Finding {
  return { flaw, where, chunks, detail, outcome }
}

/** What becomes of a flaw that a repair puts right at once. */
export function mended(repair: boolean): Outcome {
  return repair ? 'repaired' : 'left'
}

/** How packs in the store and rows of packs stand to each other. */
export interface PacksCompared {
  readonly both: readonly { readonly stored: BlobStat; readonly recorded: BlobStat }[]
  readonly unrecorded: readonly BlobStat[]
  readonly lost: readonly BlobStat[]
}

/** Compares the packs of the store with their rows; `doomed` are those that are about to be deleted. */
export function comparePacks(
  stored: readonly BlobStat[],
  recorded: readonly BlobStat[],
  isDoomed: (key: string) => boolean,
): PacksCompared {
  const rows = new Map(recorded.map((row) => [row.key, row]))
  const keys = new Set(stored.map(({ key }) => key))
  return {
    both: stored.flatMap((pack) => {
      const row = rows.get(pack.key)
      return row === undefined ? [] : [{ stored: pack, recorded: row }]
    }),
    unrecorded: stored.filter(({ key }) => !rows.has(key) && !isDoomed(key)),
    lost: recorded.filter(({ key }) => !keys.has(key)),
  }
}

/** What rows of chunks say otherwise than the pack in which they should lie. */
export interface ChunksCompared {
  /** As the pack has them. */
  readonly moved: readonly PackEntry[]
  /** Not in this pack at all. */
  readonly alien: readonly Digest[]
}

/** Compares the rows of a pack's chunks with the pack's own index, which may have more: those lie elsewhere, or nobody needs them. */
export function compareChunks(
  rows: readonly PackEntry[],
  entries: readonly PackEntry[],
): ChunksCompared {
  const own = new Map(entries.map((entry) => [entry.digest, entry]))
  const moved: PackEntry[] = []
  const alien: Digest[] = []
  for (const row of rows) {
    const entry = own.get(row.digest)
    if (entry === undefined) alien.push(row.digest)
    else if (!isSame(row, entry)) moved.push(entry)
  }
  return { moved, alien }
}

function isSame(a: PackEntry, b: PackEntry): boolean {
  return (
    a.offset === b.offset &&
    a.storedBytes === b.storedBytes &&
    a.rawBytes === b.rawBytes &&
    a.codec === b.codec
  )
}

/** What was found of images before packs were searched for missing chunks, and what is left of that after. */
export function afterSearch(before: readonly Finding[], after: readonly Finding[]): Finding[] {
  const still = after.filter(({ flaw }) => flaw === 'missing chunks')
  const isStill = ({ where }: Finding): boolean => still.some((each) => each.where === where)
  return [
    ...before.flatMap((each) => {
      if (each.flaw !== 'missing chunks') return [each]
      return isStill(each) ? [] : [{ ...each, outcome: 'repaired' as const }]
    }),
    ...after.filter(({ flaw }) => flaw === 'missing chunks' || flaw === 'unguarded chunks'),
  ]
}
