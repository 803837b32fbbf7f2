import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'

/**
 * Makes one frame of the input, or what one frame holds, at the start of `output`, and answers with its length; undefined where the
 * input is broken or there is no room for all of it.
 */
export type Transform = (input: Uint8Array, output: Uint8Array) => number | undefined

/** What is below a stream of node:zlib: the streams allocate for each write, and copy what comes out once more. */
interface Below {
  readonly _handle: {
    onerror: () => void
    writeSync(
      flush: number,
      input: Uint8Array,
      inputAt: number,
      inputBytes: number,
      output: Uint8Array,
      outputAt: number,
      outputBytes: number,
    ): void
    close(): void
  }
  /** What the last write left: room in the output, and bytes of the input. */
  readonly _writeState: Uint32Array
}

/** One frame after another in one context: making one for each takes half as long as the work. */
export function zstdCompressor(level: number): Transform {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  return transform(() => createZstdCompress({ params }))
}

/** Keeps no more of a frame than `windowLogMax` says. */
export function zstdDecompressor(windowLogMax: number): Transform {
  const params = { [constants.ZSTD_d_windowLogMax]: windowLogMax }
  return transform(() => createZstdDecompress({ params }))
}

/** A context that an input broke, or that has more to give than there was room for, is replaced. */
function transform(open: () => unknown): Transform {
  let faults = 0
  const start = (): Below => {
    const below = open() as Below
    below._handle.onerror = () => {
      faults += 1
    }
    return below
  }
  let below = start()
  return (input, output) => {
    const before = faults
    const { _handle: handle, _writeState: left } = below
    handle.writeSync(constants.ZSTD_e_end, input, 0, input.length, output, 0, output.length)
    const [room = 0, unread = 0] = left
    if (faults === before && room > 0 && unread === 0) return output.length - room
    handle.close()
    below = start()
    return undefined
  }
}
