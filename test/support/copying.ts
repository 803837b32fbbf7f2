import { type Clock, sleep } from '../../lib/chunks/clock.ts'
import { copyChunks, type CopyOptions } from '../../lib/chunks/copy.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import type { RankedSource } from '../../lib/chunks/ranking.ts'
import type { ChunkSource, ChunkStore, Run } from '../../lib/chunks/source.ts'
import { unavailable } from '../../lib/failure.ts'
import { blobsInMemory } from './blobs.ts'
import { chunksOf, digestsOf } from './chunks.ts'
import { placesInMemory } from './places.ts'

export const clock: Clock = { now: () => performance.now(), sleep }
export const chunks = chunksOf('copy', 100)
export const digests = digestsOf(chunks)

export function emptyStore(): ChunkStore {
  let id = 0
  return packStore({ blobs: blobsInMemory(), index: placesInMemory(), newId: () => String(id++) })
}

export function peer(name: string, source: ChunkSource): RankedSource {
  return { name, origin: 'peer', source }
}

export function portal(source: ChunkSource): RankedSource {
  return { name: 'portal', origin: 'portal', source }
}

/** Copies 100 chunks, in batches of 10, and answers with how many each source gave. */
export async function copy(
  given: Pick<CopyOptions, 'sources'> & Partial<CopyOptions>,
): Promise<Map<string, number>> {
  const served = new Map<string, number>()
  await copyChunks({
    digests,
    store: emptyStore(),
    clock,
    stallMs: 5000,
    batchChunks: 10,
    signal: AbortSignal.timeout(20_000),
    onRun: ({ entries }, { name }) => served.set(name, (served.get(name) ?? 0) + entries.length),
    ...given,
  })
  return served
}

export const refusing: ChunkSource = {
  missing: () => Promise.reject(unavailable('UNREACHABLE', 'the line is dead')),
  async *fetch(): AsyncGenerator<Run> {
    await Promise.reject(unavailable('UNREACHABLE', 'the line is dead'))
    yield* []
  },
}

/** Does as `source`, with each stream of runs changed. */
export function twisted(
  source: ChunkSource,
  twist: (runs: AsyncIterable<Run>) => AsyncIterable<Run>,
): ChunkSource {
  return {
    missing: (asked) => source.missing(asked),
    fetch: (asked, signal) => twist(source.fetch(asked, signal)),
  }
}
