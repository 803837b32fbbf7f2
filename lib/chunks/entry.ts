import { maxChunkBytes } from '../content/gear.ts'
import type { Codec, RunEntry } from './source.ts'

const codecs: readonly Codec[] = ['raw', 'zstd']

/** A codec as a byte: the same number on the wire, in packs and in the tables of an index. */
export function codecNumber(codec: Codec): number {
  return codecs.indexOf(codec)
}

export function codecOf(number: number): Codec | undefined {
  return codecs[number]
}

/** What is wrong with the lengths of a chunk, if anything. */
export function flawOf({ codec, storedBytes, rawBytes }: RunEntry): string | undefined {
  if (rawBytes < 1 || rawBytes > maxChunkBytes) {
    return `${rawBytes} raw bytes, outside 1 to ${maxChunkBytes}`
  }
  if (storedBytes < 1 || storedBytes > rawBytes) {
    return `${storedBytes} stored bytes for ${rawBytes} raw ones`
  }
  if (codec === 'raw' && storedBytes !== rawBytes) {
    return `codec raw, yet ${storedBytes} stored bytes for ${rawBytes} raw ones`
  }
  return undefined
}
