import { createHash } from 'node:crypto'
import { invalid } from '../failure.ts'

declare const digestBrand: unique symbol

/** The SHA-256 of some bytes, as 64 lower-case hex digits. */
export type Digest = string & { readonly [digestBrand]: true }

export const digestBytes = 32

/** The digest of bytes. */
export function sha256(bytes: Uint8Array): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest
}

/** Reads `sha256:<64 hex>`, as metadata and people write it. */
export function parseDigest(text: string): Digest {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(text)?.[1]
  if (hex === undefined) {
    throw invalid('INVALID_FIELD', `"${text}" is no digest: write sha256: and 64 hex digits`, {
      field: 'digest',
    })
  }
  return hex as Digest
}

/** Reads digests from raw bytes, 32 each, as the data plane and the database hold them. */
export function splitDigests(bytes: Uint8Array): Digest[] {
  if (bytes.length % digestBytes !== 0) {
    throw invalid('INVALID_CHUNK', `${bytes.length} bytes are no list of 32-byte digests`)
  }
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  return Array.from(
    { length: bytes.length / digestBytes },
    (_, i) => hex.slice(i * 64, i * 64 + 64) as Digest,
  )
}

/** The digests one after another, 32 raw bytes each. */
export function joinDigests(digests: readonly Digest[]): Buffer {
  return Buffer.from(digests.join(''), 'hex')
}
