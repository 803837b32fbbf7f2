import { createHash } from 'node:crypto'
import { type HealingSource, takeAll } from '../lib/chunks/healing.ts'
import type { Run } from '../lib/chunks/source.ts'
import { chunkDecoder } from '../lib/content/codec.ts'
import { sha256, type Digest } from '../lib/content/digest.ts'
import { chunksOf, type Chunk } from '../lib/content/extents.ts'
import type { Artifact, Manifest } from '../lib/content/manifest.ts'
import { corrupt, type Failure } from '../lib/failure.ts'

const batchChunks = 128
const zeros = Buffer.alloc(1024 * 1024)

/** Reads an image's files from the store, in order: each chunk against its digest, each file against its SHA-256. */
export async function* verifyImage(
  name: string,
  { artifacts }: Manifest,
  source: HealingSource,
  signal: AbortSignal,
): AsyncGenerator<{ readonly doneBytes: number }> {
  let doneBytes = 0
  for (const artifact of artifacts) {
    for await (const bytes of verifyArtifact(name, artifact, source, signal)) {
      doneBytes += bytes
      yield { doneBytes }
    }
  }
}

async function* verifyArtifact(
  name: string,
  { kind, sizeBytes, sha256: whole, extents }: Artifact,
  source: HealingSource,
  signal: AbortSignal,
): AsyncGenerator<number> {
  const hash = createHash('sha256')
  const chunks = [...chunksOf(extents)]
  let position = 0
  const zerosUntil = (end: number): void => {
    for (; position < end; position += zeros.length) {
      hash.update(zeros.subarray(0, Math.min(zeros.length, end - position)))
    }
    position = end
  }
  for (let at = 0; at < chunks.length; at += batchChunks) {
    const batch = chunks.slice(at, at + batchChunks)
    const raw = await readChunks(batch, source, signal)
    for (const { digest, offset, length } of batch) {
      zerosUntil(offset)
      hash.update(raw.get(digest) ?? zeros.subarray(0, 0))
      position = offset + length
    }
    yield batch.reduce((sum, { length }) => sum + length, 0)
  }
  zerosUntil(sizeBytes)
  if (hash.digest('hex') !== whole) throw unlike(name, kind)
}

async function readChunks(
  chunks: readonly Chunk[],
  source: HealingSource,
  signal: AbortSignal,
): Promise<Map<Digest, Uint8Array>> {
  const raw = new Map<Digest, Uint8Array>()
  const decode = chunkDecoder()
  const digests = [...new Set(chunks.map(({ digest }) => digest))]
  const take = async ({ entries, payload }: Run): Promise<void> => {
    await Promise.resolve()
    let at = 0
    for (const entry of entries) {
      const bytes = decode(entry, payload.subarray(at, at + entry.storedBytes))
      at += entry.storedBytes
      if (sha256(bytes) !== entry.digest) throw rotten(entry.digest)
      raw.set(entry.digest, new Uint8Array(bytes))
    }
  }
  await takeAll(source, digests, take, signal)
  return raw
}

function rotten(digest: Digest): Failure {
  return corrupt('CHUNK_CORRUPT', `The stored chunk sha256:${digest} has other bytes.`, { digest })
}

function unlike(name: string, kind: string): Failure {
  return corrupt(
    'CHUNK_CORRUPT',
    `The ${kind} of ${name} is made of the right chunks, and does not have the SHA-256 that its publisher gave: do not use it.`,
    { name, kind },
  )
}
