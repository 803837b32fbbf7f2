import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Digest } from '../../../lib/content/digest.ts'
import type { Extents } from '../../../lib/content/extents.ts'
import type { Artifact, Manifest } from '../../../lib/content/manifest.ts'

// The vectors that docs/format.md speaks of. They come from another reading of that page, in Python.

type Part = { readonly seed: string; readonly bytes: number } | { readonly zeros: number }

export type VectorEntry =
  { readonly chunk: number; readonly sha256: string } | { readonly hole: number }

interface ChunkerVectors {
  readonly gear: { readonly first: readonly number[]; readonly sha256: string }
  readonly segments: readonly {
    readonly name: string
    readonly parts: readonly Part[]
    readonly entries: readonly VectorEntry[]
  }[]
}

interface VectorManifest {
  readonly artifacts: readonly (Omit<Artifact, 'extents'> & {
    readonly entries: readonly VectorEntry[]
  })[]
}

interface ManifestVectors {
  readonly valid: readonly {
    readonly name: string
    readonly manifest: VectorManifest
    readonly bytes: string
    readonly digest: string
  }[]
  readonly invalid: readonly {
    readonly name: string
    readonly bytes: string
    readonly at: string
  }[]
}

export const chunkerVectors = read('chunker') as ChunkerVectors
export const manifestVectors = read('manifest') as ManifestVectors

/** The bytes that a vector describes. */
export function bytesOf(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      'zeros' in part ? Buffer.alloc(part.zeros) : stream(part.seed, part.bytes),
    ),
  )
}

/** SHA-256 of "<seed> 0", "<seed> 1", … one after another. */
export function stream(seed: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${seed} ${i}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

export function extentsOf(entries: readonly VectorEntry[]): Extents {
  const digests = entries.flatMap((entry) => ('chunk' in entry ? [entry.sha256] : []))
  return {
    lengths: entries.map((entry) => ('chunk' in entry ? entry.chunk : -entry.hole)),
    digests: Buffer.from(digests.join(''), 'hex'),
  }
}

export function manifestOf({ artifacts }: VectorManifest): Manifest {
  return {
    artifacts: artifacts.map(({ entries, sha256, ...rest }) => ({
      ...rest,
      sha256: sha256 satisfies Digest,
      extents: extentsOf(entries),
    })),
  }
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8'))
}
