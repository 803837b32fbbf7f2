import type { RunEntry } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import { chunksOf, type Extents } from '../content/extents.ts'
import { corrupt, missing } from '../failure.ts'

/** Where a chunk belongs in a file. */
export interface Place {
  readonly digest: Digest
  readonly length: number
  readonly offsets: readonly number[]
}

/** Every chunk of the extents once, in the order in which it first occurs. */
export function placesOf(extents: Extents): Place[] {
  const places = new Map<Digest, Place & { readonly offsets: number[] }>()
  for (const { digest, offset, length } of chunksOf(extents)) {
    const known = places.get(digest)
    if (known === undefined) places.set(digest, { digest, length, offsets: [offset] })
    else known.offsets.push(offset)
  }
  return [...places.values()]
}

/** Divides the places into batches of at least so many bytes, all but the last. */
export function* batchesOf(places: readonly Place[], rawBytes: number): Generator<Place[]> {
  let batch: Place[] = []
  let filled = 0
  for (const place of places) {
    batch.push(place)
    filled += place.length
    if (filled < rawBytes) continue
    yield batch
    batch = []
    filled = 0
  }
  if (batch.length > 0) yield batch
}

/** What of a batch has not come yet. */
export interface Awaited {
  /** The offsets of the entry; throws if its chunk is not awaited or has another length. */
  readonly place: (entry: RunEntry) => readonly number[]
  /** These have come. */
  readonly came: (entries: readonly RunEntry[]) => void
  /** Throws CHUNK_NOT_FOUND if something has not come. */
  readonly checkComplete: () => void
}

export function awaiting(batch: readonly Place[]): Awaited {
  const rest = new Map(batch.map((place) => [place.digest, place]))
  return {
    place: ({ digest, rawBytes }) => {
      const place = rest.get(digest)
      if (place?.length !== rawBytes) {
        const what = `chunk ${digest} of ${rawBytes} bytes was sent, which nobody asked for`
        throw corrupt('CHUNK_CORRUPT', what, { digest })
      }
      return place.offsets
    },
    came: (entries) => {
      for (const { digest } of entries) rest.delete(digest)
    },
    checkComplete: () => {
      const [first] = rest.keys()
      if (first === undefined) return
      const what = `${rest.size} chunks did not come, ${first} the first`
      throw missing('CHUNK_NOT_FOUND', what, { digest: first })
    },
  }
}
