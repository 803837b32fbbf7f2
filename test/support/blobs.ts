import { blobGone, blobShort, type BlobStore, blobTaken, checkKey } from '../../lib/chunks/blobs.ts'

/** Blobs in memory. */
export function blobsInMemory(): BlobStore {
  const blobs = new Map<string, Buffer>()
  return {
    put: async (key, parts, signal) => {
      checkKey(key)
      await Promise.resolve()
      signal?.throwIfAborted()
      if (blobs.has(key)) throw blobTaken(key)
      const copies: Buffer[] = []
      for await (const part of parts) copies.push(Buffer.from(part))
      blobs.set(key, Buffer.concat(copies))
    },
    range: async (key, offset, length, signal) => {
      await Promise.resolve()
      signal?.throwIfAborted()
      const blob = blobs.get(key)
      if (blob === undefined) throw blobGone(key)
      if (offset + length > blob.length) throw blobShort(key, offset, length)
      return Uint8Array.from(blob.subarray(offset, offset + length))
    },
    stat: (key) => {
      const blob = blobs.get(key)
      return Promise.resolve(blob === undefined ? undefined : { key, sizeBytes: blob.length })
    },
    async *list(folder) {
      await Promise.resolve()
      for (const [key, blob] of [...blobs].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        if (key.startsWith(folder)) yield { key, sizeBytes: blob.length }
      }
    },
    delete: (key) => {
      blobs.delete(key)
      return Promise.resolve()
    },
  }
}
