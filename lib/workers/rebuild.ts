import { hash } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import type { Run } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import { corrupt } from '../failure.ts'
import { release } from '../memory.ts'
import { packed, type RawChunk } from './compress.ts'
import { joinedChunks, rawChunks, releaseAll } from './dictionary.ts'
import { done, type Outcome } from './task.ts'
import type { MovedRun } from './verify.ts'

/** A frame, and what is to come out of it. */
export interface RebuildJob {
  readonly target: readonly { readonly digest: Digest; readonly length: number }[]
  readonly base: readonly Digest[]
  readonly frame: Uint8Array
}

/** Makes chunks of frames and the chunks that these were made against; one that has not its digest is CHUNK_CORRUPT. */
export function rebuild(input: {
  readonly jobs: readonly RebuildJob[]
  readonly runs: readonly MovedRun[]
}): Outcome<Run[]> {
  const chunks = rawChunks(input.runs)
  const runs = [...packed(rebuilt(input.jobs, chunks))]
  releaseAll(chunks, input.runs)
  return done(
    runs,
    runs.map(({ payload }) => payload.buffer as ArrayBuffer),
  )
}

function* rebuilt(
  jobs: readonly RebuildJob[],
  chunks: ReadonlyMap<Digest, Uint8Array>,
): Generator<RawChunk> {
  for (const { target, base, frame } of jobs) {
    const dictionary = joinedChunks(chunks, base)
    const content = inflated(frame, dictionary, target)
    release(dictionary)
    let at = 0
    for (const { digest, length } of target) {
      const raw = content.subarray(at, (at += length))
      if (hash('sha256', raw, 'hex') !== digest) throw wrong(digest)
      yield { digest, raw }
    }
    release(content)
  }
}

function inflated(frame: Uint8Array, dictionary: Buffer, target: RebuildJob['target']): Buffer {
  const maxOutputLength = target.reduce((sum, { length }) => sum + length, 0)
  try {
    // Room for all of it at once, or it would come in pieces of 16 KiB.
    const chunkSize = Math.max(64, maxOutputLength)
    return zstdDecompressSync(frame, { dictionary, maxOutputLength, chunkSize })
  } catch (error) {
    throw wrong(target[0]?.digest ?? '', error)
  }
}

function wrong(digest: string, cause?: unknown): Error {
  return corrupt(
    'CHUNK_CORRUPT',
    `the delta for chunk ${digest} makes other bytes`,
    { digest },
    cause,
  )
}
