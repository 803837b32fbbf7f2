import { ahead } from '../chunks/ahead.ts'
import { type HealingSource, takeAll } from '../chunks/healing.ts'
import type { Run } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import { chunksOf, type Extents, totalBytes } from '../content/extents.ts'
import { missing } from '../failure.ts'
import type { Pool } from '../workers/pool.ts'
import { movedRun } from '../workers/verifier.ts'
import { type Body, zeros } from './body.ts'

export interface ReadDeps {
  readonly store: HealingSource
  readonly pool: Pool
}

/** From `start` to before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** A file as it was published; every chunk is checked on the way. */
export function rawBody(extents: Extents, deps: ReadDeps): Body {
  return {
    sizeBytes: totalBytes(extents),
    read: (start, end, signal) => readRanges(extents, [{ start, end }], deps, signal),
  }
}

/** The bytes of a file in ranges, which ascend, one after another. */
export async function* readRanges(
  extents: Extents,
  ranges: readonly Range[],
  deps: ReadDeps,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const fetch = async (parts: readonly Part[]) => ({
    parts,
    chunks: await load(parts, deps, signal),
  })
  for await (const { parts, chunks } of ahead(
    batchesOf(partsOf(extents, ranges)),
    aheadBatches,
    fetch,
  )) {
    for (const part of parts) {
      if (part.kind === 'zeros') yield* zeros(part.length)
      else yield* cutOf(part, chunks)
    }
  }
}

/** What a range is made of. */
type Part =
  | { readonly kind: 'zeros'; readonly length: number }
  | {
      readonly kind: 'chunk'
      readonly digest: Digest
      readonly length: number
      readonly from: number
      readonly to: number
    }

const batchBytes = 2 * 1024 * 1024
const aheadBatches = 2

function* partsOf(extents: Extents, ranges: readonly Range[]): Generator<Part> {
  const chunks = chunksOf(extents)
  let next = chunks.next()
  for (const { start, end } of ranges) {
    let at = start
    while (at < end) {
      while (next.done !== true && next.value.offset + next.value.length <= at) next = chunks.next()
      const chunk = next.done === true ? undefined : next.value
      const holeEnd = Math.min(chunk?.offset ?? end, end)
      if (at < holeEnd) {
        yield { kind: 'zeros', length: holeEnd - at }
        at = holeEnd
      } else if (chunk !== undefined) {
        const { digest, offset, length } = chunk
        const to = Math.min(offset + length, end)
        yield { kind: 'chunk', digest, length, from: at - offset, to: to - offset }
        at = to
      }
    }
  }
}

function* batchesOf(parts: Iterable<Part>): Generator<Part[]> {
  let batch: Part[] = []
  let bytes = 0
  for (const part of parts) {
    batch.push(part)
    bytes += part.kind === 'chunk' ? part.length : 0
    if (bytes < batchBytes) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

async function load(
  parts: readonly Part[],
  { store, pool }: ReadDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, Uint8Array>> {
  const wanted = parts.flatMap((part) => (part.kind === 'chunk' ? [part.digest] : []))
  const chunks = new Map<Digest, Uint8Array>()
  const take = async (run: Run): Promise<void> => {
    const { entries } = run
    const moved = movedRun(run)
    const raw = await pool.run('unpack', moved, signal, [moved.payload.buffer])
    let at = 0
    for (const { digest, rawBytes } of entries) {
      chunks.set(digest, raw.subarray(at, (at += rawBytes)))
    }
  }
  if (wanted.length > 0) await takeAll(store, [...new Set(wanted)], take, signal)
  return chunks
}

function* cutOf(
  { digest, length, from, to }: Extract<Part, { readonly kind: 'chunk' }>,
  chunks: ReadonlyMap<Digest, Uint8Array>,
): Generator<Uint8Array> {
  const chunk = chunks.get(digest)
  if (chunk?.length !== length) {
    throw missing('CHUNK_NOT_FOUND', `chunk ${digest} of ${length} bytes did not come`, { digest })
  }
  yield chunk.subarray(from, to)
}
