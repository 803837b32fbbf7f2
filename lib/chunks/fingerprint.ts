import { createHash } from 'node:crypto'
import { digestBytes } from '../content/digest.ts'
import { codecNumber } from './entry.ts'
import type { RunEntry } from './source.ts'

const head = Buffer.alloc(5)
const none = Buffer.alloc(digestBytes)

/**
 * What a stored chunk is recognised by, as chunk.proto says: whoever decoded and checked it once need not do so again, nor need
 * anybody who believes him.
 */
export function fingerprintOf({ codec, rawBytes }: RunEntry, stored: Uint8Array): Buffer {
  head.writeUInt8(codecNumber(codec), 0)
  head.writeUInt32LE(rawBytes, 1)
  return createHash('sha256').update(head).update(stored).digest()
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
