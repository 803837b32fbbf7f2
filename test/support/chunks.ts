import { createHash } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { type Digest, sha256 } from '../../lib/content/digest.ts'
import type { ChunkSource, Run, RunEntry } from '../../lib/chunks/source.ts'

/** A chunk as it is stored. */
export interface Chunk {
  readonly entry: RunEntry
  readonly stored: Uint8Array
}

/** The same bytes for the same seed, and no two alike. */
export function noise(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest()
}

export function rawChunk(raw: Uint8Array): Chunk {
  const [storedBytes, rawBytes] = [raw.length, raw.length]
  return { entry: { digest: sha256(raw), codec: 'raw', storedBytes, rawBytes }, stored: raw }
}

export function zstdChunk(raw: Uint8Array): Chunk {
  const stored = zstdCompressSync(raw)
  const entry = { digest: sha256(raw), codec: 'zstd', storedBytes: stored.length } as const
  return { entry: { ...entry, rawBytes: raw.length }, stored }
}

export function chunksOf(seed: string, count: number, bytes = 1000): Chunk[] {
  return Array.from({ length: count }, (_, i) => rawChunk(noise(`${seed} ${i}`, bytes + i)))
}

export function digestsOf(chunks: readonly Chunk[]): Digest[] {
  return chunks.map(({ entry }) => entry.digest)
}

export function runOf(chunks: readonly Chunk[]): Run {
  return {
    entries: chunks.map(({ entry }) => entry),
    payload: Buffer.concat(chunks.map(({ stored }) => stored)),
  }
}

/** A stream of runs of `perRun` chunks each. */
export async function* runsOf(chunks: readonly Chunk[], perRun = 4): AsyncGenerator<Run> {
  await Promise.resolve()
  for (let at = 0; at < chunks.length; at += perRun) yield runOf(chunks.slice(at, at + perRun))
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The SHA-256 of the stored bytes of each chunk in the runs. */
export function contentOf(runs: readonly Run[]): Map<Digest, Digest> {
  const content = new Map<Digest, Digest>()
  for (const { entries, payload } of runs) {
    let offset = 0
    for (const { digest, storedBytes } of entries) {
      content.set(digest, sha256(payload.subarray(offset, offset + storedBytes)))
      offset += storedBytes
    }
  }
  return content
}

export function storedOf(chunks: readonly Chunk[]): Map<Digest, Digest> {
  return new Map(chunks.map(({ entry, stored }) => [entry.digest, sha256(stored)]))
}

/** A source that holds these chunks and does what it should. */
export function holding(chunks: readonly Chunk[], perRun = 4): ChunkSource {
  const held = new Map(chunks.map((chunk) => [chunk.entry.digest, chunk]))
  return {
    missing: (digests) => Promise.resolve(digests.filter((digest) => !held.has(digest))),
    fetch: (digests) =>
      runsOf(
        digests.flatMap((digest) => held.get(digest) ?? []),
        perRun,
      ),
  }
}
