import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Codec, RunEntry } from '../chunks/source.ts'
import { corrupt, type Failure } from '../failure.ts'
import { maxChunkBytes } from './gear.ts'

/** Measured on a Debian image: level 3 saves 1 % and takes a quarter longer, level 1 costs 2 % and gains nothing. */
const level = 2

/** A chunk is stored raw unless zstd takes off at least one part in so many: reading raw costs nothing. */
const worthwhile = 32

/** Decoders keep no more of a frame than RFC 8878 asks of every decoder: 8 MiB. */
const windowLogMax = 23

/**
 * What zlib allocates for the result of any chunk (`chunkSize`): more than the largest needs, so that it allocates once, and
 * always the same, so that the next takes the place of the last. With fitting lengths a thread's memory grew by 65 MB of gaps.
 */
const roomBytes = maxChunkBytes + 4096

export interface Encoded {
  readonly codec: Codec
  readonly bytes: Uint8Array
}

/** A chunk as it is stored and sent. */
export function compress(raw: Uint8Array): Encoded {
  const bytes = zstdCompressSync(raw, {
    chunkSize: roomBytes,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  })
  return bytes.length <= raw.length - raw.length / worthwhile
    ? { codec: 'zstd', bytes }
    : { codec: 'raw', bytes: raw }
}

/** The chunk's own bytes, of the length declared; never makes more, whatever a hostile frame claims. */
export function decompress(entry: RunEntry, stored: Uint8Array): Uint8Array {
  const raw = entry.codec === 'raw' ? stored : inflate(entry, stored)
  if (raw.length !== entry.rawBytes) throw wrong(entry, `has ${raw.length} bytes`)
  return raw
}

/**
 * Gives back the memory of bytes that came out of `compress` or `decompress` and that nobody else has. The collector lets
 * some 80 MB of them pile up in every thread before it looks.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes
  const isShared = !(buffer instanceof ArrayBuffer) || buffer.byteLength <= Buffer.poolSize
  if (!isShared) buffer.transfer(0)
}

function inflate(entry: RunEntry, stored: Uint8Array): Uint8Array {
  const { buffer, engine } = inflateFrame(entry, stored)
  if (engine.bytesWritten !== stored.length) throw wrong(entry, 'has bytes after its frame')
  return buffer
}

function inflateFrame(entry: RunEntry, stored: Uint8Array): Inflated {
  try {
    const inflated: unknown = zstdDecompressSync(stored, {
      chunkSize: roomBytes,
      maxOutputLength: entry.rawBytes,
      params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
      info: true,
    })
    return inflated as Inflated
  } catch (cause) {
    throw wrong(entry, 'does not decompress', cause)
  }
}

/** What zlib returns for `info`, which its types do not know. */
interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

function wrong({ digest, rawBytes }: RunEntry, why: string, cause?: unknown): Failure {
  const what = `chunk ${digest} of ${rawBytes} bytes ${why}`
  return corrupt('CHUNK_CORRUPT', what, { digest }, cause)
}
