import type { Digest } from '../content/digest.ts'
import type { PackEntry } from './pack.ts'
import type { Place } from './places.ts'
import { maxRunBytes, type Run } from './source.ts'

/** A stretch of one pack that is read at once, and the chunks in it that are wanted. */
export interface Stretch {
  readonly pack: string
  readonly offset: number
  readonly length: number
  readonly chunks: readonly PackEntry[]
}

/** Reading past this many unwanted bytes costs less than another read. */
const maxGapBytes = 32 * 1024

/**
 * Cuts the places of the digests into stretches of at most `maxRunBytes`. The packs come in the order in which they are first
 * asked for, which is mostly the order of the image; inside a pack it goes straight ahead.
 */
export function planStretches(
  digests: readonly Digest[],
  places: ReadonlyMap<Digest, Place>,
): Stretch[] {
  const byPack = new Map<string, PackEntry[]>()
  for (const digest of digests) {
    const place = places.get(digest)
    if (place === undefined) continue
    const { pack, offset, storedBytes, rawBytes, codec, fingerprint } = place
    const chunk = { digest, codec, storedBytes, rawBytes, fingerprint, offset }
    const chunks = byPack.get(pack)
    if (chunks === undefined) byPack.set(pack, [chunk])
    else chunks.push(chunk)
  }
  return [...byPack].flatMap(([pack, chunks]) =>
    stretchesOf(
      pack,
      chunks.toSorted((a, b) => a.offset - b.offset),
    ),
  )
}

function stretchesOf(pack: string, chunks: readonly PackEntry[]): Stretch[] {
  const groups: PackEntry[][] = []
  for (const chunk of chunks) {
    const group = groups.at(-1)
    if (group !== undefined && fits(group, chunk)) group.push(chunk)
    else groups.push([chunk])
  }
  return groups.map((group) => {
    const [start, end] = [startOf(group), endOf(group)]
    return { pack, offset: start, length: end - start, chunks: group }
  })
}

function fits(group: readonly PackEntry[], next: PackEntry): boolean {
  if (next.offset - endOf(group) > maxGapBytes) return false
  return next.offset + next.storedBytes - startOf(group) <= maxRunBytes
}

function startOf(group: readonly PackEntry[]): number {
  return group.at(0)?.offset ?? 0
}

function endOf(group: readonly PackEntry[]): number {
  const last = group.at(-1)
  return last === undefined ? 0 : last.offset + last.storedBytes
}

/** The run in a stretch's bytes. The wanted chunks move together in place; without a gap nothing moves. */
export function runOf({ offset, chunks }: Stretch, bytes: Uint8Array): Run {
  let end = 0
  for (const chunk of chunks) {
    const start = chunk.offset - offset
    if (start !== end) bytes.copyWithin(end, start, start + chunk.storedBytes)
    end += chunk.storedBytes
  }
  const entries = chunks.map(({ digest, codec, storedBytes, rawBytes, fingerprint }) => {
    return { digest, codec, storedBytes, rawBytes, fingerprint }
  })
  return { entries, payload: bytes.subarray(0, end) }
}
