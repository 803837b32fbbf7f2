import type { ChunkStore, Run, RunEntry } from '../../../lib/chunks/source.ts'
import type { Digest } from '../../../lib/content/digest.ts'

/** A store in memory that counts what it is given. */
export interface MemoryStore extends ChunkStore {
  readonly chunks: Map<Digest, { readonly entry: RunEntry; readonly stored: Uint8Array }>
  stored: number
  calls: number
}

export function memoryStore(): MemoryStore {
  const chunks: MemoryStore['chunks'] = new Map()
  const store: MemoryStore = {
    chunks,
    stored: 0,
    calls: 0,
    missing: (digests) => Promise.resolve(digests.filter((digest) => !chunks.has(digest))),
    async store(runs) {
      store.calls += 1
      for await (const run of runs) {
        for (const [entry, stored] of partsOf(run)) {
          chunks.set(entry.digest, { entry, stored })
          store.stored += 1
        }
      }
    },
    async *fetch(digests) {
      await Promise.resolve()
      for (const digest of digests) {
        const chunk = chunks.get(digest)
        if (chunk !== undefined)
          yield { entries: [chunk.entry], payload: Uint8Array.from(chunk.stored) }
      }
    },
    remove(digests) {
      for (const digest of digests) chunks.delete(digest)
      return Promise.resolve()
    },
  }
  return store
}

function* partsOf({ entries, payload }: Run): Generator<[RunEntry, Uint8Array]> {
  let at = 0
  for (const entry of entries) {
    yield [entry, Uint8Array.from(payload.subarray(at, at + entry.storedBytes))]
    at += entry.storedBytes
  }
}

/** All reports of the work, and what it came to. */
export async function finish<P, R>(
  work: AsyncGenerator<P, R>,
): Promise<{ readonly reports: P[]; readonly result: R }> {
  const reports: P[] = []
  for (;;) {
    const next = await work.next()
    if (next.done === true) return { reports, result: next.value }
    reports.push(next.value)
  }
}
