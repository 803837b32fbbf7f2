import type { BlobStat } from './blobs.ts'
import type { PackUse } from './collectable.ts'
import { packSizeOf } from './pack.ts'

/** What is to be done about packs, as a function of what lies in them. */
export interface PackPlan {
  /** Nobody's any more. */
  readonly empty: readonly PackUse[]
  /** Mostly nobody's: each group becomes one new pack. */
  readonly rewrite: readonly (readonly PackUse[])[]
  /** Bytes that all of it gives back. */
  readonly freedBytes: number
}

/** A pack is rewritten when more than `deadShare` of its bytes would go; what is left is put together in packs of `packBytes`. */
export function planPacks(
  packs: readonly PackUse[],
  deadShare: number,
  packBytes: number,
): PackPlan {
  const empty = packs.filter(({ chunks }) => chunks === 0)
  const poor = packs.filter(
    (pack) => pack.chunks > 0 && deadBytesOf(pack) > pack.sizeBytes * deadShare,
  )
  const freed = [...empty.map(({ sizeBytes }) => sizeBytes), ...poor.map(deadBytesOf)]
  return {
    empty,
    rewrite: grouped(poor, packBytes),
    freedBytes: freed.reduce((sum, bytes) => sum + bytes, 0),
  }
}

/** What a pack would lose by being written anew. */
function deadBytesOf({ sizeBytes, chunks, chunkBytes }: PackUse): number {
  return sizeBytes - packSizeOf(chunks, chunkBytes)
}

function grouped(packs: readonly PackUse[], packBytes: number): PackUse[][] {
  const groups: PackUse[][] = []
  let used = 0
  for (const pack of packs) {
    const group = groups.at(-1)
    if (group === undefined || used + pack.chunkBytes > packBytes) {
      groups.push([pack])
      used = pack.chunkBytes
    } else {
      group.push(pack)
      used += pack.chunkBytes
    }
  }
  return groups
}

/** Packs in the store that nobody has recorded, by their keys, and when each was seen first. */
export type Strays = ReadonlyMap<string, number>

/**
 * Which strays have been there for `orphanMs`: a writer records its pack right after the last byte, so what is
 * still not recorded then never will be. A stray that was recorded or has gone is forgotten.
 */
export function planOrphans(
  found: readonly BlobStat[],
  seen: Strays,
  now: number,
  orphanMs: number,
): { readonly orphans: readonly BlobStat[]; readonly strays: Strays } {
  const strays = new Map(found.map(({ key }) => [key, seen.get(key) ?? now]))
  const orphans = found.filter(({ key }) => now - (strays.get(key) ?? now) >= orphanMs)
  return { orphans, strays }
}
