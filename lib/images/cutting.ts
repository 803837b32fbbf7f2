import { either } from '../chunks/abort.ts'
import { ahead } from '../chunks/ahead.ts'
import type { ChunkSource, Run } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import { type Chunk, chunksOf, type Extents, segmentBytes } from '../content/extents.ts'
import type { Pool } from '../workers/pool.ts'
import type { FileSpan } from '../workers/reading.ts'
import { slots } from '../workers/slot.ts'
import type { Input } from './input.ts'

/** A segment of an input, cut. */
export interface Cut {
  readonly input: Input
  readonly span: FileSpan
  readonly extents: Extents
  /** The chunks that the store lacks. */
  readonly runs: readonly Run[]
}

/** Cuts the inputs, several segments at once, and yields the segments in order. */
export function cutInputs(
  inputs: readonly Input[],
  store: Pick<ChunkSource, 'missing'>,
  pool: Pool,
  signal: AbortSignal,
): AsyncGenerator<Cut, void, undefined> {
  // One more than there are threads, so that none is idle while the store says what it lacks.
  const width = pool.threads + 1
  const memory = slots(width, segmentBytes)
  const failed = new AbortController()
  const stop = either(failed.signal, signal)
  const lacks = lackedBy(store, stop)
  const cutOne = async ({ input, span }: Pick<Cut, 'input' | 'span'>): Promise<Cut> => {
    using lease = await memory.take(stop)
    const slot = lease.item
    const { lengths, digests } = await pool.run('segment', { span, slot }, stop)
    const extents = { lengths, digests: Buffer.from(digests) }
    const chunks = await lacks(extents)
    const runs = chunks.length === 0 ? [] : await pool.run('compress', { slot, chunks }, stop)
    return { input, span, extents, runs }
  }
  return ahead(segmentsOf(inputs), width, (segment) =>
    cutOne(segment).catch((error: unknown) => {
      failed.abort(error)
      throw error
    }),
  )
}

function* segmentsOf(inputs: readonly Input[]): Generator<Pick<Cut, 'input' | 'span'>> {
  for (const input of inputs) {
    for (let at = 0; at < input.sizeBytes; at += segmentBytes) {
      yield { input, span: input.span(at, Math.min(segmentBytes, input.sizeBytes - at)) }
    }
  }
}

/** Picks the chunks that the store lacks; a chunk that was in an earlier segment is not asked for again. */
function lackedBy(store: Pick<ChunkSource, 'missing'>, stop: AbortSignal) {
  const seen = new Set<Digest>()
  return async (extents: Extents): Promise<Chunk[]> => {
    const fresh = new Map<Digest, Chunk>()
    for (const chunk of chunksOf(extents)) {
      if (!seen.has(chunk.digest)) fresh.set(chunk.digest, chunk)
      seen.add(chunk.digest)
    }
    if (fresh.size === 0) return []
    const missing = new Set(await store.missing([...fresh.keys()], stop))
    return [...fresh.values()].filter(({ digest }) => missing.has(digest))
  }
}
