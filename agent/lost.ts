import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import type { ChunkIndex } from '../lib/chunks/places.ts'
import { rebuild } from '../lib/chunks/rebuild.ts'

/** Records the packs that a crash left between their last byte and their rows: nothing is fetched twice. */
export async function findLostPacks(
  blobs: BlobStore,
  known: ReadonlySet<string>,
  index: ChunkIndex,
  log: Logger,
): Promise<void> {
  const lost = {
    ...blobs,
    async *list(folder: string, signal?: AbortSignal) {
      for await (const blob of blobs.list(folder, signal)) if (!known.has(blob.key)) yield blob
    },
  }
  const { packs, chunks, damaged } = await rebuild(lost, index)
  if (packs > 0) log.info({ packs, chunks }, 'packs found again')
  for (const { pack, failure } of damaged) log.warn({ pack, error: failure.message }, 'bad pack')
}
