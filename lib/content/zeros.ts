/** Zeros are looked for in blocks of this length, aligned in the artifact: what a file system allocates. */
export const blockBytes = 4096

/** A run of zero blocks shorter than this is data like any other. */
export const minHoleBytes = 64 * 1024

const zeroBlock = Buffer.alloc(blockBytes)

/** A stretch of bytes that is all zeros, or is not. */
export interface Stretch {
  readonly kind: 'hole' | 'data'
  readonly start: number
  readonly end: number
}

/** Divides the data, whose start is aligned, into holes and what is between them. A short last block counts as a block. */
export function* stretches(data: Uint8Array): Generator<Stretch> {
  let done = 0
  for (const { start, end } of zeroRuns(data)) {
    if (end - start < minHoleBytes) continue
    if (start > done) yield { kind: 'data', start: done, end: start }
    yield { kind: 'hole', start, end }
    done = end
  }
  if (done < data.length) yield { kind: 'data', start: done, end: data.length }
}

function* zeroRuns(data: Uint8Array): Generator<{ start: number; end: number }> {
  let start = -1
  for (let at = 0; at < data.length; at += blockBytes) {
    if (isZeroBlock(data, at)) {
      if (start < 0) start = at
    } else if (start >= 0) {
      yield { start, end: at }
      start = -1
    }
  }
  if (start >= 0) yield { start, end: data.length }
}

/** Two looks tell nearly every block of data; only the others are worth a call. */
function isZeroBlock(data: Uint8Array, start: number): boolean {
  if (data[start] !== 0 || (data[start + blockBytes / 2] ?? 0) !== 0) return false
  const end = Math.min(start + blockBytes, data.length)
  return zeroBlock.compare(data, start, end, 0, end - start) === 0
}
