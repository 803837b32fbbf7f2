import { Failure } from '../failure.ts'
import type { BlobStore } from './blobs.ts'
import { readPackIndex } from './pack.ts'
import type { ChunkIndex } from './places.ts'

export interface Rebuilt {
  readonly packs: number
  readonly chunks: number
  /** Packs that could not be read or are damaged; nothing of them is recorded. */
  readonly damaged: readonly { readonly pack: string; readonly failure: Failure }[]
}

/** Records every pack anew from its own index: after a lost index, or to find packs that a crash left without rows. */
export async function rebuild(
  blobs: BlobStore,
  index: ChunkIndex,
  signal?: AbortSignal,
): Promise<Rebuilt> {
  const damaged: { pack: string; failure: Failure }[] = []
  let [packs, chunks] = [0, 0]
  for await (const { key, sizeBytes } of blobs.list('packs/', signal)) {
    const read = (offset: number, length: number) => blobs.range(key, offset, length, signal)
    const entries = await readPackIndex(read, sizeBytes).catch((error: unknown) => {
      if (error instanceof Failure && isDamage(error)) return error
      throw error
    })
    if (entries instanceof Failure) {
      damaged.push({ pack: key, failure: entries })
      continue
    }
    await index.record(key, sizeBytes, entries)
    packs++
    chunks += entries.length
  }
  return { packs, chunks, damaged }
}

function isDamage({ reason }: Failure): boolean {
  return reason === 'PACK_CORRUPT' || reason === 'UNREADABLE' || reason === 'CHUNK_NOT_FOUND'
}
