import type { Digest } from '../lib/content/digest.ts'
import { makeRoom } from '../lib/retention/room.ts'

/** An image that is here, as eviction looks at it. */
export interface Stored {
  readonly name: string
  readonly digest: Digest
  /** What its chunks take, those that it shares with others too. */
  readonly bytes: number
  readonly arrived: Date
  /** When it was used last; undefined for never. */
  readonly used: Date | undefined
  /** Since when it is not wanted here; undefined until the portal has said so. */
  readonly unwanted: Date | undefined
}

/** What decides over an image beside itself. */
export interface Rules {
  readonly now: Date
  readonly wanted: ReadonlySet<string>
  /** What is read at this moment. */
  readonly pinned: ReadonlySet<string>
  /** What must stay, as the portal says, and why. */
  readonly refused: ReadonlyMap<string, string>
  readonly keepUsedMs: number
  readonly keepUnwantedMs: number
}

/** Why an image stays whatever room it takes; undefined if it may go. */
export function whyItStays(
  { name, used, unwanted }: Stored,
  { now, wanted, pinned, refused, keepUsedMs, keepUnwantedMs }: Rules,
): string | undefined {
  const after = (time: Date, ms: number): Date => new Date(time.getTime() + ms)
  if (wanted.has(name)) return 'it is wanted here'
  if (pinned.has(name)) return 'it is being read now'
  if (unwanted === undefined) return 'the portal has not said yet whether it is wanted here'
  if (used !== undefined && after(used, keepUsedMs) > now) {
    return `it was used at ${moment(used)}, and stays until ${moment(after(used, keepUsedMs))}`
  }
  if (after(unwanted, keepUnwantedMs) > now) {
    return `it is not wanted since ${moment(unwanted)}, and stays until ${moment(after(unwanted, keepUnwantedMs))}`
  }
  return refused.get(name)
}

function moment(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** When it was used last, or came: who fetched it anew has a use for it. */
function usedOf({ used, arrived }: Stored): Date {
  return used !== undefined && used > arrived ? used : arrived
}

/** The images that may go, in the order in which they would: what was used longest ago first. */
export function candidatesOf(stored: readonly Stored[], rules: Rules): readonly Stored[] {
  const mayGo = stored.filter((image) => whyItStays(image, rules) === undefined)
  const inOrder = makeRoom(
    mayGo.map((image) => ({ name: image.name, bytes: 0, used: usedOf(image), image })),
    Infinity,
  )
  return inOrder.map(({ image }) => image)
}

/**
 * The place of each manifest in that order, from 1: it is let go with the last image that has it. One of an image that stays, or
 * that somebody else needs, has none.
 */
export function ranksOf(
  candidates: readonly Stored[],
  stored: readonly Stored[],
  isNeeded: (digest: Digest) => boolean,
): ReadonlyMap<Digest, number> {
  const names = new Set(candidates.map(({ name }) => name))
  const staying = new Set(stored.flatMap(({ name, digest }) => (names.has(name) ? [] : digest)))
  const ranks = candidates.map(({ digest }, at) => [digest, at + 1] as const)
  return new Map(ranks.filter(([digest]) => !staying.has(digest) && !isNeeded(digest)))
}

/** What lets bytes go, of one place in the order. */
export interface Weight {
  /** Bytes that come free with it and those before it, and not without it. */
  readonly stepBytes: number
  /** The place up to which the others have to go until it frees anything. */
  readonly helpsFrom: number
}

export interface Weights {
  /** Bytes of chunks that nothing needs as it is: they go without anybody's help. */
  readonly goingBytes: number
  /** By place; one that frees nothing, whoever else goes, has none. */
  readonly weights: ReadonlyMap<number, Weight>
}

/** An image that goes. */
export interface Goer {
  readonly image: Stored
  readonly freedBytes: number
}

/** What goes so that so many bytes come free, or all that may; nothing goes that frees nothing. */
export function planEviction(
  candidates: readonly Stored[],
  ranks: ReadonlyMap<Digest, number>,
  { weights }: Weights,
  bytes: number | 'all',
): readonly Goer[] {
  const options = candidates.map((image, at) => {
    const rank = ranks.get(image.digest)
    const weight = weights.get(rank ?? 0)
    const isLast = rank === at + 1
    return {
      ...{ image, name: image.name, used: usedOf(image), rank: at + 1 },
      bytes: isLast ? (weight?.stepBytes ?? 0) : 0,
      helpsFrom: Math.max(rank ?? 0, weight?.helpsFrom ?? Infinity),
    }
  })
  const chosen =
    bytes === 'all'
      ? options
      : makeRoom(
          options.filter(({ helpsFrom }) => helpsFrom < Infinity),
          bytes,
        )
  const end = bytes === 'all' ? Infinity : (chosen.at(-1)?.rank ?? 0)
  return chosen
    .filter(({ helpsFrom }) => helpsFrom <= end)
    .map(({ image, bytes: freedBytes }) => ({ image, freedBytes }))
}
