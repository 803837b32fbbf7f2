import { type Digest, splitDigests } from './digest.ts'
import { type Extents, forEachChunk } from './extents.ts'

export const kinds = ['rootfs', 'kernel', 'initramfs'] as const
export const formats = ['raw'] as const
export const boots = ['any', 'bios', 'efi'] as const

export type Kind = (typeof kinds)[number]
export type Format = (typeof formats)[number]
export type Boot = (typeof boots)[number]

/** One file of an image. */
export interface Artifact {
  readonly kind: Kind
  readonly mediaType: string
  readonly format: Format
  readonly boot: Boot
  readonly sizeBytes: number
  /** Of the whole file, holes as zeros. */
  readonly sha256: Digest
  readonly extents: Extents
}

/** What an image is. Its artifacts are ordered by kind and boot mode as listed above, and no two share both. */
export interface Manifest {
  readonly artifacts: readonly Artifact[]
}

/** The digests of all chunks, each once, in the order of the image. */
export function chunkDigests({ artifacts }: Manifest): Digest[] {
  return [...new Set(artifacts.flatMap(({ extents }) => splitDigests(extents.digests)))]
}

/** The chunks, each once and in the order of the image, with their lengths. */
export function chunkLengths({ artifacts }: Manifest): Map<Digest, number> {
  const lengths = new Map<Digest, number>()
  for (const { extents } of artifacts) {
    forEachChunk(extents, (digest, length) => lengths.set(digest, length))
  }
  return lengths
}

/** Where an artifact stands among the others. */
export function rankOf({ kind, boot }: Pick<Artifact, 'kind' | 'boot'>): number {
  return kinds.indexOf(kind) * boots.length + boots.indexOf(boot)
}
