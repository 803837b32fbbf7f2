import { hash } from 'node:crypto'
import { digestBytes } from '../content/digest.ts'
import { maxChunkBytes } from '../content/gear.ts'
import { codecNumber } from './entry.ts'
import type { RunEntry } from './source.ts'

const headBytes = 5
const room = Buffer.allocUnsafeSlow(headBytes + maxChunkBytes)
const none = Buffer.alloc(digestBytes)

/**
 * What a stored chunk is recognised by, as chunk.proto says: whoever decoded and checked it once need not do so again, nor need
 * anybody who believes him.
 */
export function fingerprintOf({ codec, rawBytes }: RunEntry, stored: Uint8Array): Buffer {
  room.writeUInt8(codecNumber(codec), 0)
  room.writeUInt32LE(rawBytes, 1)
  // Copied and summed at once takes a fifth less than summed in two parts.
  room.set(stored, headBytes)
  return hash('sha256', room.subarray(0, headBytes + stored.length), 'buffer')
}

/** Fingerprints one after another, 32 raw bytes each, zeros for those that nobody knows. */
export function joinFingerprints(fingerprints: readonly (Uint8Array | undefined)[]): Buffer {
  return Buffer.concat(fingerprints.map((fingerprint) => fingerprint ?? none))
}

/** The fingerprint at a place of many that are joined; undefined where nobody knows it. */
export function fingerprintAt(joined: Uint8Array, place: number): Uint8Array | undefined {
  const found = joined.subarray(place * digestBytes, (place + 1) * digestBytes)
  return found.length < digestBytes || none.equals(found) ? undefined : found
}
