import type { ChunkSource } from './source.ts'

/** Where fetched bytes come from, as progress and metrics tell them apart. */
export type Origin = 'peer' | 'portal'

/** A source that may be asked for chunks; it verifies what it yields. */
export interface RankedSource {
  /** Names it in failures and remembers how it did; two sources have two names. */
  readonly name: string
  readonly origin: Origin
  readonly source: ChunkSource
}

/** What is known of the sources while chunks are copied, by name. */
export interface Standing {
  /** Batches that a source is at work on. */
  readonly busy: ReadonlyMap<string, number>
  /** Until when a source that failed sits out. */
  readonly restingUntil: ReadonlyMap<string, number>
}

/** Batches that one source works on before the next of its kind is asked. */
const fairShare = 2

/**
 * The source for a batch: not one that failed it before, rather one that is not sitting out, peers before the portal, and
 * among these the first that is not busy. A source that sits out is asked only when nobody else is left.
 */
export function chooseSource(
  sources: readonly RankedSource[],
  tried: ReadonlySet<string>,
  { busy, restingUntil }: Standing,
  now: number,
): RankedSource | undefined {
  const busyness = ({ name }: RankedSource): number => busy.get(name) ?? 0
  const untried = sources.filter(({ name }) => !tried.has(name))
  const awake = untried.filter(({ name }) => (restingUntil.get(name) ?? -Infinity) <= now)
  const able = awake.length > 0 ? awake : untried
  const peers = able.filter(({ origin }) => origin === 'peer')
  const best = peers.length > 0 ? peers : able
  const idle = best.find((source) => busyness(source) < fairShare)
  return idle ?? best.toSorted((a, b) => busyness(a) - busyness(b))[0]
}
