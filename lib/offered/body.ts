/** Bytes that are made while they are read. */
export interface Body {
  readonly sizeBytes: number
  /** The bytes from `start` to before `end`, in order. */
  read(start: number, end: number, signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** Bytes that are there. */
export function bodyOf(bytes: Uint8Array): Body {
  return {
    sizeBytes: bytes.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- a body that waits for nothing
    async *read(start, end) {
      yield bytes.subarray(start, end)
    },
  }
}

const zeroBytes = Buffer.alloc(256 * 1024)

/** So many zeros; the memory is one for all of them. */
export function* zeros(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= zeroBytes.length) {
    yield left < zeroBytes.length ? zeroBytes.subarray(0, left) : zeroBytes
  }
}
