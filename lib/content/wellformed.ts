import { type Failure, invalid } from '../failure.ts'
import type { Digest } from './digest.ts'
import { chunkCount, type Extents, forEachChunk, totalBytes } from './extents.ts'
import { maxChunkBytes } from './gear.ts'
import { type Artifact, type Manifest, rankOf } from './manifest.ts'

/** The largest artifact: 16 TiB. */
export const maxArtifactBytes = 2 ** 44

const mediaTypes = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/

/** Throws INVALID_MANIFEST, with `at`, unless the manifest keeps every rule that its type cannot state. */
export function checkManifest({ artifacts }: Manifest): void {
  if (artifacts[0]?.kind !== 'rootfs') throw malformed('artifact 0', 'an image has a rootfs')
  const lengths = new Map<Digest, number>()
  artifacts.forEach((artifact, i) => {
    const at = `artifact ${i}`
    const before = artifacts[i - 1]
    if (before !== undefined && rankOf(before) >= rankOf(artifact)) {
      throw malformed(at, 'its kind and boot mode are out of order or there already')
    }
    checkArtifact(artifact, at)
    checkLengths(artifact.extents, lengths, at)
  })
}

export function malformed(at: string, why: string): Failure {
  return invalid('INVALID_MANIFEST', `this is no manifest: ${at}: ${why}`, { at })
}

function checkArtifact({ mediaType, sizeBytes, extents }: Artifact, at: string): void {
  if (!mediaTypes.test(mediaType)) throw malformed(at, 'its media type is none')
  if (sizeBytes > maxArtifactBytes) throw malformed(at, `${sizeBytes} bytes are too many`)
  extents.lengths.forEach((length, i) => {
    const flaw = flawOf(length, extents.lengths[i - 1] ?? 0)
    if (flaw !== undefined) throw malformed(`${at}, entry ${i}`, flaw)
  })
  if (extents.lengths.filter((length) => length > 0).length !== chunkCount(extents)) {
    throw malformed(at, 'it has not one digest a chunk')
  }
  if (extents.lengths.length === 0 || totalBytes(extents) !== sizeBytes) {
    throw malformed(at, `its entries do not add up to ${sizeBytes} bytes`)
  }
}

function flawOf(length: number, before: number): string | undefined {
  if (!Number.isInteger(length) || length === 0) return 'it has no length'
  if (length > maxChunkBytes) return `a chunk of ${length} bytes is too long`
  if (length < -maxArtifactBytes) return `a hole of ${-length} bytes is too long`
  return length < 0 && before < 0 ? 'a hole follows a hole' : undefined
}

/** One digest with two lengths would be two chunks of one name. */
function checkLengths(extents: Extents, lengths: Map<Digest, number>, at: string): void {
  forEachChunk(extents, (digest, length) => {
    const known = lengths.get(digest) ?? length
    if (known !== length) throw malformed(at, `chunk ${digest} has ${known} bytes and ${length}`)
    lengths.set(digest, length)
  })
}
