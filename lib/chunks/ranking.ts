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

/** What is known of a source. */
export interface Known {
  /** Bytes a second, measured; undefined if it never was, or so long ago that it must be tried again. */
  readonly rate: number | undefined
  /** Parts that it is at work on. */
  readonly busy: number
  /** Until when it sits out. */
  readonly restingUntil: number
}

/**
 * How many times faster than all peers together the portal must be before it is asked for what they hold: it has all facilities to
 * serve, and an image that goes to ten of them should leave it about once.
 */
const portalFactor = 8

/** What a portal is taken for that was never measured, because peers gave everything: bytes a second. */
const usualPortalRate = 8_000_000

/** How long a part may take at a source: the last one of a copy is waited for. */
const partSeconds = 4
/** About what a chunk takes as stored. */
const chunkBytes = 32 * 1024
const fewestChunks = 16
/** What a source that nothing is known of is tried with: about 2 MB. */
const trialChunks = 64

/**
 * The sources, the one to ask first in front: those that do not sit out; among these the portal where it is to come first, or else
 * peers before it, unless they are far slower; among these the one that would be through with one more part the soonest. One that was not measured is taken to
 * be as fast as the fastest, so that it is tried. Among equals the order given stays.
 */
export function rank(
  sources: readonly RankedSource[],
  knows: (name: string) => Known,
  now: number,
  first: Origin = 'peer',
): RankedSource[] {
  const best = Math.max(...sources.map(({ name }) => knows(name).rate ?? 0), usualPortalRate)
  const scored = sources.map((source) => {
    const { rate, busy, restingUntil } = knows(source.name)
    const usual = source.origin === 'portal' ? usualPortalRate : best
    const guess = Math.max(1, rate ?? usual)
    return { source, rate: guess, wait: (busy + 1) / guess, rests: Math.max(0, restingUntil - now) }
  })
  const awake = scored.filter(({ rests }) => rests === 0)
  const sum = (origin: Origin): number =>
    awake.reduce((all, { source, rate }) => all + (source.origin === origin ? rate : 0), 0)
  const spared = sum('peer') * portalFactor >= sum('portal')
  const last = first === 'portal' ? 'peer' : spared ? 'portal' : undefined
  const isLast = ({ origin }: RankedSource): number => (origin === last ? 1 : 0)
  return scored
    .toSorted((a, b) => a.rests - b.rests || isLast(a.source) - isLast(b.source) || a.wait - b.wait)
    .map(({ source }) => source)
}

/** How many chunks the next part from a source of this rate has at most, so that it is not waited for long. */
export function partChunks(rate: number | undefined): number {
  if (rate === undefined) return trialChunks
  return Math.max(fewestChunks, Math.ceil((rate * partSeconds) / chunkBytes))
}
