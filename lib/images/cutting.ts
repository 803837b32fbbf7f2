import { createHash, type Hash } from 'node:crypto'
import { either } from '../chunks/abort.ts'
import { ahead } from '../chunks/ahead.ts'
import type { ChunkSource, Run } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import { type Chunk, chunksOf, type Extents, segmentBytes } from '../content/extents.ts'
import type { Pool } from '../workers/pool.ts'
import { type Slot, slots } from '../workers/slot.ts'
import type { Shelf } from '../workers/shelf.ts'
import type { Segment } from './filling.ts'
import type { Input } from './input.ts'

/** A segment of an input, cut. */
export interface Cut {
  readonly input: Input
  /** What was read of the input for it. */
  readonly inputBytes: number
  readonly extents: Extents
  /** The chunks that the store lacks. */
  readonly runs: readonly Run[]
}

/** Cuts the inputs, several segments at once, yields the segments in order, and has their bytes summed on the way. */
export function cutInputs(
  inputs: readonly Input[],
  sums: Sums,
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
  const cutOne = async ({ input, segment }: Taken): Promise<Cut> => {
    using lease = segment.lease
    const slot = lease.item
    const { length, filling, inputBytes } = segment
    const cutting = pool.run('segment', { slot, length, filling }, stop)
    const summed = sums.add(input, cutting, slot.subarray(0, length))
    const { lengths, digests } = await cutting
    const extents = { lengths, digests: Buffer.from(digests) }
    const chunks = await lacks(extents)
    const runs = chunks.length === 0 ? [] : await pool.run('compress', { slot, chunks }, stop)
    await summed
    return { input, inputBytes, extents, runs }
  }
  return ahead(segmentsOf(inputs, memory, stop), width, (taken) =>
    cutOne(taken).catch((error: unknown) => {
      failed.abort(error)
      throw error
    }),
  )
}

interface Taken {
  readonly input: Input
  readonly segment: Segment
}

async function* segmentsOf(
  inputs: readonly Input[],
  memory: Shelf<Slot>,
  stop: AbortSignal,
): AsyncGenerator<Taken, void, undefined> {
  for (const input of inputs) {
    for await (const segment of input.segments(memory, stop)) yield { input, segment }
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

/** The SHA-256 of each input: its segments are added in order, each as soon as it is cut and those before it are in. */
export interface Sums {
  add(input: Input, cut: Promise<Pick<Extents, 'lengths'>>, bytes: Uint8Array): Promise<void>
  of(input: Input): Digest
}

const zeros = Buffer.alloc(1024 * 1024)

export function startSums(): Sums {
  const sums = new Map<Input, Hash>()
  let last = Promise.resolve()
  const sumOf = (input: Input): Hash => {
    const sum = sums.get(input) ?? createHash('sha256')
    sums.set(input, sum)
    return sum
  }
  return {
    add(input, cut, bytes) {
      const before = last
      last = Promise.all([cut, before]).then(([{ lengths }]) => {
        const sum = sumOf(input)
        // One hole: the bytes may be those of another segment.
        if (lengths[0] !== -bytes.length) sum.update(bytes)
        else addZeros(sum, bytes.length)
      })
      last.catch(() => undefined)
      return last
    },
    of: (input) => sumOf(input).digest('hex') as Digest,
  }
}

function addZeros(sum: Hash, count: number): void {
  for (let left = count; left > 0; left -= zeros.length) sum.update(zeros.subarray(0, left))
}
