import { sha256, type Digest } from '../../../lib/content/digest.ts'
import { encodeManifest } from '../../../lib/content/encoding.ts'
import type { Manifest } from '../../../lib/content/manifest.ts'
import {
  ArtifactKind,
  BootMode,
  Image,
  ImageState,
} from '../../../proto/gen/merge/image/v1/image.ts'
import { noise, rawChunk, zstdChunk, type Chunk } from '../chunks.ts'
import type { Chance } from './chance.ts'

/** An image with all that it is made of. */
export interface Build {
  readonly name: string
  readonly line: string
  readonly digest: Digest
  readonly image: Image
  readonly manifest: Manifest
  readonly manifestBytes: Buffer
  readonly chunks: readonly Chunk[]
}

/** Builds of some lines, each much like the one before it, and all with something in common. */
export interface Builder {
  next(line: string): Build
}

export const lines = ['debian-13', 'ubuntu-2404', 'alma-9'] as const

export function builderOf(seed: number, chance: Chance): Builder {
  const contents = new Map<string, Buffer[]>()
  let made = 0
  /** Some of it is the same byte over and over, so that it is stored compressed. */
  const piece = (what: string): Buffer => {
    const bytes = noise(`${seed} ${what}`, chance.between(40, 900))
    return chance.happens(0.5) ? Buffer.concat([bytes, Buffer.alloc(600, 'text ')]) : bytes
  }
  const shared = Array.from({ length: 5 }, (_, i) => piece(`shared ${i}`))
  const first = (line: string): Buffer[] => [
    ...shared,
    ...Array.from({ length: chance.between(4, 14) }, (_, i) => piece(`${line} ${i}`)),
  ]
  /** A new build changes a few bytes in some places, and has others anew. */
  const changed = (before: readonly Buffer[]): Buffer[] =>
    before.map((bytes, i) => {
      if (chance.happens(0.6)) return bytes
      if (chance.happens(0.3)) return piece(`${made} ${i}`)
      const edited = Buffer.from(bytes)
      edited.write(`build ${made}`, chance.between(0, bytes.length - 12))
      return edited
    })
  return {
    next(line) {
      const before = contents.get(line)
      const content = before === undefined ? first(line) : changed(before)
      contents.set(line, content)
      return buildOf(line, ++made, content)
    },
  }
}

function buildOf(line: string, serial: number, content: readonly Buffer[]): Build {
  const name = `${line}.1-server-x86-20261101.${serial}`
  const chunks = content.map((raw) => (raw.includes('text text') ? zstdChunk(raw) : rawChunk(raw)))
  const lengths = content.flatMap((raw, i) => (i === 3 ? [-4096, raw.length] : [raw.length]))
  const manifest: Manifest = {
    artifacts: [
      {
        kind: 'rootfs',
        mediaType: 'application/octet-stream',
        format: 'raw',
        boot: 'any',
        sizeBytes: lengths.reduce((sum, length) => sum + Math.abs(length), 0),
        sha256: sha256(Buffer.concat(content)),
        extents: {
          lengths,
          digests: Buffer.concat(chunks.map(({ entry }) => Buffer.from(entry.digest, 'hex'))),
        },
      },
    ],
  }
  const manifestBytes = encodeManifest(manifest)
  const digest = sha256(manifestBytes)
  const each = new Map(chunks.map((chunk) => [chunk.entry.digest, chunk]))
  const storedBytes = [...each.values()].reduce((sum, { stored }) => sum + stored.length, 0)
  const state = ImageState.IMAGE_STATE_RELEASED
  const image = Image.create({
    ...{ name, digest: `sha256:${digest}`, state },
    ...{ storedBytes: BigInt(storedBytes), chunkCount: each.size },
    artifacts: [{ kind: ArtifactKind.ARTIFACT_KIND_ROOTFS, boot: BootMode.BOOT_MODE_ANY }],
  })
  return { name, line, digest, image, manifest, manifestBytes, chunks: [...each.values()] }
}
