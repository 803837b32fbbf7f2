import { type ZlibOptions, ZstdCompress, ZstdDecompress } from 'minizlib'
import { constants, type ZstdOptions } from 'node:zlib'
import type { Codec, RunEntry } from '../chunks/source.ts'
import { corrupt, type Failure } from '../failure.ts'
import { frameLength } from './frame.ts'
import { maxChunkBytes } from './gear.ts'

/** Measured on a Debian image: level 3 saves 1 % and takes a quarter longer, level 1 costs 2 % and gains nothing. */
const level = 2

/** A chunk is stored raw unless zstd takes off at least one part in so many: reading raw costs nothing. */
const worthwhile = 32

/** Decoders keep no more of a frame than RFC 8878 asks of every decoder: 8 MiB. */
const windowLogMax = 23

/** More than any chunk takes in either form, so that zlib's one buffer does for all of them. */
const chunkSize = maxChunkBytes + 4096

export interface Encoded {
  readonly codec: Codec
  readonly bytes: Uint8Array
}

/** A chunk as it is stored and sent. */
export type Encode = (raw: Uint8Array) => Encoded

/** The chunk's own bytes, of the length declared. */
export type Decode = (entry: RunEntry, stored: Uint8Array) => Uint8Array

/** One after another, in one zstd context: making one for each chunk takes half as long as the work. */
export function chunkEncoder(): Encode {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  const zstd = new ZstdCompress(zlibOptions({ params, flush: constants.ZSTD_e_end }))
  const made = outputOf(zstd)
  return (raw) => {
    zstd.write(raw)
    const bytes = made()
    return bytes.length <= raw.length - raw.length / worthwhile
      ? { codec: 'zstd', bytes }
      : { codec: 'raw', bytes: raw }
  }
}

/** One after another, in one zstd context, which is replaced when a chunk broke it. Never makes more than a chunk's most. */
export function chunkDecoder(): Decode {
  const open = (): { zstd: ZstdDecompress; made: () => Uint8Array } => {
    const params = { [constants.ZSTD_d_windowLogMax]: windowLogMax }
    const zstd = new ZstdDecompress(zlibOptions({ params, maxOutputLength: maxChunkBytes }))
    return { zstd, made: outputOf(zstd) }
  }
  let { zstd, made } = open()
  const inflate = (entry: RunEntry, stored: Uint8Array): Uint8Array => {
    if (frameLength(stored) !== stored.length) throw wrong(entry, 'is not one whole zstd frame')
    try {
      zstd.write(stored)
      return made()
    } catch (cause) {
      ;({ zstd, made } = open())
      throw wrong(entry, 'does not decompress', cause)
    }
  }
  return (entry, stored) => {
    const raw = entry.codec === 'raw' ? stored : inflate(entry, stored)
    if (raw.length !== entry.rawBytes) throw wrong(entry, `has ${raw.length} bytes`)
    return raw
  }
}

/** minizlib hands its options on to node:zlib, and its types know only some of them. */
function zlibOptions(options: ZstdOptions): ZlibOptions {
  return { ...options, chunkSize } as ZlibOptions
}

const nothing = new Uint8Array(0)

/** Takes what the last write made: it comes before `write` returns, and whole, because there is room for it. */
function outputOf(zstd: ZstdCompress | ZstdDecompress): () => Uint8Array {
  let made: Uint8Array = nothing
  zstd.on('data', (bytes: Buffer) => {
    made = bytes
  })
  return () => {
    const taken = made
    made = nothing
    return taken
  }
}

function wrong({ digest, rawBytes }: RunEntry, why: string, cause?: unknown): Failure {
  const what = `chunk ${digest} of ${rawBytes} bytes ${why}`
  return corrupt('CHUNK_CORRUPT', what, { digest }, cause)
}
