import { hash } from 'node:crypto'
import { type Digest, digestBytes, splitDigests } from './digest.ts'
import { cut } from './gear.ts'
import { stretches } from './zeros.ts'

/** What some bytes are made of, in order. Flat, because an image has some hundred thousand of these. */
export interface Extents {
  /** One an entry: the length of a chunk, or less than 0 for a hole. */
  readonly lengths: readonly number[]
  /** The digests of the chunks, 32 raw bytes each. */
  readonly digests: Buffer
}

export interface Chunk {
  readonly digest: Digest
  readonly offset: number
  readonly length: number
}

/** Bytes are cut in segments of this length, each on its own, so that all cores can cut one file. */
export const segmentBytes = 32 * 1024 * 1024

/** Cuts one segment: holes are left out, the rest becomes chunks. */
export function cutSegment(data: Uint8Array): Extents {
  const lengths: number[] = []
  const digests: Buffer[] = []
  for (const { kind, start, end } of stretches(data)) {
    if (kind === 'hole') lengths.push(start - end)
    else {
      for (let at = start; at < end;) {
        const next = cut(data, at, end)
        lengths.push(next - at)
        digests.push(hash('sha256', data.subarray(at, next), 'buffer'))
        at = next
      }
    }
  }
  return { lengths, digests: Buffer.concat(digests) }
}

/** The extents one after another; a hole that reaches from one into the next is one hole. */
export function joinExtents(parts: readonly Extents[]): Extents {
  const lengths: number[] = []
  for (const length of parts.flatMap((part) => part.lengths)) {
    const before = lengths.at(-1)
    if (before !== undefined && before < 0 && length < 0)
      lengths[lengths.length - 1] = before + length
    else lengths.push(length)
  }
  return { lengths, digests: Buffer.concat(parts.map((part) => part.digests)) }
}

/** The chunks with their places, in order; what lies between them is zeros. */
export function* chunksOf({ lengths, digests }: Extents): Generator<Chunk> {
  const names = splitDigests(digests).values()
  let offset = 0
  for (const length of lengths) {
    if (length > 0) {
      const digest = names.next().value
      if (digest !== undefined) yield { digest, offset, length }
    }
    offset += Math.abs(length)
  }
}

/** The same for whoever wants them all: there are many, and making an object of each takes most of the time. */
export function forEachChunk(
  { lengths, digests }: Extents,
  act: (digest: Digest, length: number, offset: number) => void,
): void {
  const names = splitDigests(digests)
  let [number, offset] = [0, 0]
  for (const length of lengths) {
    const digest = length > 0 ? names[number++] : undefined
    if (digest !== undefined) act(digest, length, offset)
    offset += Math.abs(length)
  }
}

export function chunkCount({ digests }: Extents): number {
  return digests.length / digestBytes
}

/** All bytes, the zeros of holes included. */
export function totalBytes({ lengths }: Extents): number {
  return lengths.reduce((sum, length) => sum + Math.abs(length), 0)
}
