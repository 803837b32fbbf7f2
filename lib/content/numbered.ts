import { forEachChunk } from './extents.ts'
import type { Digest } from './digest.ts'
import { type Manifest, rankOf } from './manifest.ts'

/** A chunk of an image at one of its places. */
export interface NumberedChunk {
  readonly digest: Digest
  readonly length: number
  /** Where it lies in its artifact. */
  readonly offset: number
  /** Which artifact that is. */
  readonly rank: number
}

/** The chunks of an image as deltas number them: through its artifacts in their order, each occurrence by itself. */
export function numberedChunks({ artifacts }: Manifest): NumberedChunk[] {
  const chunks: NumberedChunk[] = []
  for (const artifact of artifacts) {
    const rank = rankOf(artifact)
    forEachChunk(artifact.extents, (digest, length, offset) => {
      chunks.push({ digest, length, offset, rank })
    })
  }
  return chunks
}
