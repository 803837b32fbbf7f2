import { hash } from 'node:crypto'

/** Which chunker cut a manifest's chunks. Anything that moves a boundary (docs/format.md) gets a new number. */
export const chunkerVersion = 1

export const minChunkBytes = 16 * 1024
export const maxChunkBytes = 256 * 1024

/** Until a chunk has this length a boundary is made harder to find, and after it easier. */
const normalBytes = 48 * 1024
const hardMask = topBits(18)
const easyMask = topBits(14)

/** The hash is shifted once a byte, so that the bits of the masks know nothing of earlier bytes than these. */
const windowBytes = 31

export const gear = Int32Array.from({ length: 256 }, (_, byte) =>
  hash('sha256', `merge-image gear ${chunkerVersion} ${byte}`, 'buffer').readInt32BE(0),
)
const gearShifted = gear.map((value) => value << 1)

/** Where the chunk that begins at `start` ends, in data that ends at `end`. */
export function cut(data: Uint8Array, start: number, end: number): number {
  if (end - start <= minChunkBytes) return end
  const limit = Math.min(end, start + maxChunkBytes)
  const normal = Math.min(limit, start + normalBytes)
  const early = scan(data, start + minChunkBytes, normal, hardMask)
  if (early >= 0) return early
  const later = scan(data, normal, limit, easyMask)
  return later >= 0 ? later : limit
}

/**
 * The first boundary after `from`, or −1. Two bytes a turn, because the shift is what each turn waits for; a single last
 * byte is left out, which is sound since it is the end of the data and so a boundary anyway.
 */
function scan(data: Uint8Array, from: number, to: number, mask: number): number {
  let sum = 0
  for (let i = from - windowBytes; i < from; i++) sum = ((sum << 1) + (gear[data[i] ?? 0] ?? 0)) | 0
  const maskShifted = mask << 1
  for (let i = from; i < to - 1; i += 2) {
    sum = ((sum << 2) + (gearShifted[data[i] ?? 0] ?? 0)) | 0
    if ((sum & maskShifted) === 0) return i + 1
    sum = (sum + (gear[data[i + 1] ?? 0] ?? 0)) | 0
    if ((sum & mask) === 0) return i + 2
  }
  return -1
}

/** The `count` bits under the sign bit: the highest that survive the shift in the middle of a turn. */
function topBits(count: number): number {
  return ((1 << count) - 1) << (31 - count)
}
