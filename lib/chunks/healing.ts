import type { Logger } from 'pino'
import { batchesOf } from '../batches.ts'
import type { Digest } from '../content/digest.ts'
import { corrupt } from '../failure.ts'
import type { CollectableIndex } from './collectable.ts'
import type { DamageLog } from './damage.ts'
import type { ChunkIndex } from './places.ts'
import { planStretches } from './ranges.ts'
import { repair, type RepairDeps } from './repair.ts'
import { badIn, isRot, type ReadDeps } from './scrub.ts'
import type { ChunkSource, Run } from './source.ts'

/** Looks at chunks where they lie, and has good copies of those that are damaged; CHUNK_CORRUPT if nobody gives one. */
export type Heal = (digests: readonly Digest[], signal: AbortSignal) => Promise<void>

/** A store whose chunks come back when they turn out to be damaged. */
export interface HealingSource extends Pick<ChunkSource, 'fetch'> {
  readonly heal?: Heal
}

export interface HealDeps extends ReadDeps, RepairDeps {
  readonly places: Pick<ChunkIndex, 'locate'>
  readonly damage: Pick<DamageLog, 'note'>
  readonly log: Logger
}

/** Places that are asked for at once. */
const atOnce = 4096

/** One at a time: what one reader had repaired, the next finds whole. */
export function healer(deps: HealDeps): Heal {
  let last: Promise<unknown> = Promise.resolve()
  return (digests, signal) => {
    const mine = last.then(() => heal(digests, deps, signal))
    last = mine.catch(() => undefined)
    return mine
  }
}

/** Looks at chunks that somebody says are wrong, and, only where one is, at all of its pack; what is damaged is healed. */
export function checker(
  heal: Heal,
  deps: ReadDeps &
    Pick<HealDeps, 'places'> & { readonly index: Pick<CollectableIndex, 'contents'> },
): Heal {
  const { places, index } = deps
  return async (digests, signal) => {
    const packs = new Set<string>()
    for (const stretch of planStretches(digests, await places.locate(digests))) {
      if ((await badIn(stretch, deps, signal)).length > 0) packs.add(stretch.pack)
    }
    for (const pack of packs) {
      const chunks = await index.contents(pack)
      await heal(
        chunks.map(({ digest }) => digest),
        signal,
      )
    }
  }
}

async function heal(
  digests: readonly Digest[],
  deps: HealDeps,
  signal: AbortSignal,
): Promise<void> {
  let found = 0
  for (const some of batchesOf(digests, atOnce)) found += await noteBad(some, deps, signal)
  const broken = await deps.store.missing(digests, signal)
  if (broken.length === 0) return
  const [first, ...more] = await repair(broken, deps, signal)
  const left = first === undefined ? 0 : more.length + 1
  deps.log.warn({ damaged: found, repaired: broken.length - left, left }, 'a read met damage')
  if (first === undefined) return
  throw corrupt(
    'CHUNK_CORRUPT',
    `${left === 1 ? 'A stored chunk is' : `${left} stored chunks are`} damaged, sha256:${first} the first, and nobody who can be reached has a good copy.`,
    { digest: first, count: String(left) },
  )
}

async function noteBad(
  digests: readonly Digest[],
  deps: HealDeps,
  signal: AbortSignal,
): Promise<number> {
  const { places, damage } = deps
  let noted = 0
  for (const stretch of planStretches(digests, await places.locate(digests))) {
    signal.throwIfAborted()
    const bad = (await badIn(stretch, deps, signal)).map(({ digest }) => digest)
    // What was rewritten meanwhile lies in another pack: it is not in this one any more, and is not noted.
    if (bad.length > 0) noted += await damage.note(stretch.pack, bad)
  }
  return noted
}

/** So often a batch may meet damage. */
const mostTurns = 3

/** Has each chunk taken once; what turns out to be damaged, by reading or by taking it, is healed and read again. */
export async function takeAll(
  source: HealingSource,
  digests: readonly Digest[],
  take: (run: Run) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(digests)
  for (let turn = 1; ; turn++) {
    try {
      for await (const run of source.fetch([...wanted], signal)) {
        const { entries } = run
        await take(run)
        for (const { digest } of entries) wanted.delete(digest)
      }
      return
    } catch (error) {
      if (source.heal === undefined || turn === mostTurns || !isRot(error)) throw error
      signal.throwIfAborted()
      await source.heal([...wanted], signal)
    }
  }
}

/** A source of which it is told when a chunk that it sent was wrong. */
export function telling(source: ChunkSource, tell: (digest: Digest) => void): ChunkSource {
  return {
    missing: (digests, signal) => source.missing(digests, signal),
    async *fetch(digests, signal) {
      try {
        yield* source.fetch(digests, signal)
      } catch (error) {
        const wrong = isRot(error) && error.reason === 'CHUNK_CORRUPT' && error.facts['digest']
        if (typeof wrong === 'string') tell(wrong as Digest)
        throw error
      }
    },
  }
}
