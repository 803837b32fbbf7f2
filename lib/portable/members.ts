import type { Digest } from '../content/digest.ts'
import { chunkLengths, type Manifest } from '../content/manifest.ts'

// The members of a portable image, in this order; docs/format.md is the specification.
export const aboutMember = 'image.json'
export const manifestMember = 'manifest'
export const sumsMember = 'SHA256SUMS'

/** The n-th pack, counted from 1. */
export function packMember(n: number): string {
  return `packs/${String(n).padStart(6, '0')}.pack`
}

/** A writer begins a new pack where the next chunk would take the stored chunks of one over this. */
export const packChunkBytes = 16 * 1024 * 1024

/** A reader takes packs of at most this. */
export const mostPackBytes = 64 * 1024 * 1024

/** The digests of the members so far, as `sha256sum` prints them. */
export function memberSums() {
  let text = ''
  return {
    add: (member: string, digest: string): void => {
      text += `${digest}  ${member}\n`
    },
    bytes: (): Buffer => Buffer.from(text),
  }
}

/** A chunk that an image needs. */
export interface NeededChunk {
  readonly digest: Digest
  readonly length: number
}

/** Every chunk of the image once, in the order in which it first occurs: the order in which they lie in the packs. */
export function neededChunks(manifest: Manifest): NeededChunk[] {
  return Array.from(chunkLengths(manifest), ([digest, length]) => ({ digest, length }))
}
