import { batchesOf } from '../batches.ts'
import type { Digest } from '../content/digest.ts'
import type { Clock } from './clock.ts'
import { copyChunks } from './copy.ts'
import type { RankedSource } from './ranking.ts'
import type { ChunkStore } from './source.ts'
import { openStanding } from './standing.ts'

export interface RepairDeps {
  readonly store: ChunkStore
  /** Whoever may have a good copy; what they send is verified on the way. */
  readonly sources: () => Promise<readonly RankedSource[]>
  readonly clock: Clock
}

const atOnce = 64
const stallMs = 20_000

/** Fetches damaged chunks again from whoever has them; answers with those that nobody gave. */
export async function repair(
  digests: readonly Digest[],
  { store, sources, clock }: RepairDeps,
  signal: AbortSignal,
): Promise<Digest[]> {
  // Each source is asked first what it lacks, the portal too: the chunk that one does not have holds no other up.
  const asked = (await sources()).map((source) => ({ ...source, origin: 'peer' as const }))
  if (asked.length === 0) return [...digests]
  // Over all batches: who hung once is not waited for with each of them.
  const standing = openStanding({ now: () => clock.now(), chance: () => 0.5 })
  for (let at = 0; at < digests.length; at += atOnce) {
    const some = await store.missing(digests.slice(at, at + atOnce), signal)
    const able = await holdersOf(some, asked, signal)
    if (able.length === 0) continue
    const patience = { clock, stallMs, standing, inFlight: 1, retries: 0 }
    const options = { ...patience, sources: () => able, store, signal }
    for (const batchChunks of [atOnce, 1]) {
      for (const batch of batchesOf(await store.missing(some, signal), batchChunks)) {
        await copyChunks({ ...options, digests: batch }).catch(() => {
          signal.throwIfAborted()
        })
      }
    }
  }
  return store.missing(digests, signal)
}

/** Who answers, and has any of them: one that is away would be waited for again with each batch. */
async function holdersOf(
  digests: readonly Digest[],
  sources: readonly RankedSource[],
  signal: AbortSignal,
): Promise<RankedSource[]> {
  if (digests.length === 0) return []
  const lacks = sources.map(({ source }) => source.missing(digests, signal))
  const answers = await Promise.allSettled(lacks)
  signal.throwIfAborted()
  return sources.filter((_source, i) => {
    const answer = answers[i]
    return answer?.status === 'fulfilled' && answer.value.length < digests.length
  })
}
