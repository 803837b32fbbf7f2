import type { Codec, RunEntry } from '../chunks/source.ts'
import { corrupt, type Failure } from '../failure.ts'
import { frameLength } from './frame.ts'
import { maxChunkBytes } from './gear.ts'
import { zstdCompressor, zstdDecompressor } from './zstd.ts'

/** Measured on a Debian image: level 2 is 1.3 % larger and hardly faster, level 4 1.4 % smaller and takes half as long again. */
const usualLevel = 3

/** A chunk is stored raw unless zstd takes off at least one part in so many: reading raw costs nothing. */
const worthwhile = 32

/** Decoders keep no more of a frame than RFC 8878 asks of every decoder: 8 MiB. */
const windowLogMax = 23

/** More than any chunk takes in either form: with this much room zstd works from memory to memory, without a window of its own. */
const roomBytes = maxChunkBytes + 4096

export interface Encoded {
  readonly codec: Codec
  readonly bytes: Uint8Array
}

/** A chunk as it is stored and sent: the bytes given, or others that hold until the next chunk. */
export type Encode = (raw: Uint8Array) => Encoded

/** The chunk's own bytes, of the length declared: those given, or others that hold until the next chunk. */
export type Decode = (entry: RunEntry, stored: Uint8Array) => Uint8Array

export function chunkEncoder(level = usualLevel): Encode {
  const compress = zstdCompressor(level)
  const room = Buffer.allocUnsafeSlow(roomBytes)
  return (raw) => {
    const length = compress(raw, room)
    return length !== undefined && length <= raw.length - raw.length / worthwhile
      ? { codec: 'zstd', bytes: room.subarray(0, length) }
      : { codec: 'raw', bytes: raw }
  }
}

/** Never makes more than a chunk's most. */
export function chunkDecoder(): Decode {
  const decompress = zstdDecompressor(windowLogMax)
  const room = Buffer.allocUnsafeSlow(roomBytes)
  const inflate = (entry: RunEntry, stored: Uint8Array): Uint8Array => {
    if (frameLength(stored) !== stored.length) throw wrong(entry, 'is not one whole zstd frame')
    const length = decompress(stored, room)
    if (length === undefined) throw wrong(entry, 'does not decompress')
    return room.subarray(0, length)
  }
  return (entry, stored) => {
    const raw = entry.codec === 'raw' ? stored : inflate(entry, stored)
    if (raw.length !== entry.rawBytes) throw wrong(entry, `has ${raw.length} bytes`)
    return raw
  }
}

function wrong({ digest, rawBytes }: RunEntry, why: string): Failure {
  return corrupt('CHUNK_CORRUPT', `chunk ${digest} of ${rawBytes} bytes ${why}`, { digest })
}
