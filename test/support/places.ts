import type { Digest } from '../../lib/content/digest.ts'
import type { ChunkIndex, Place } from '../../lib/chunks/places.ts'

/** A chunk index in memory. */
export function placesInMemory(): ChunkIndex {
  const places = new Map<Digest, Place>()
  return {
    absent: (digests) => Promise.resolve([...new Set(digests)].filter((d) => !places.has(d))),
    locate: (digests) =>
      Promise.resolve(
        new Map(
          digests.flatMap((digest) => {
            const place = places.get(digest)
            return place === undefined ? [] : [[digest, place] as const]
          }),
        ),
      ),
    record: (pack, _sizeBytes, entries) => {
      for (const { digest, offset, storedBytes, rawBytes, codec } of entries) {
        if (!places.has(digest)) places.set(digest, { pack, offset, storedBytes, rawBytes, codec })
      }
      return Promise.resolve()
    },
    remove: (digests) => {
      for (const digest of digests) places.delete(digest)
      return Promise.resolve()
    },
  }
}
