import type { Piece } from './pieces.ts'

/** A piece that nobody is at work on here. */
export interface OpenPiece {
  readonly piece: Piece
  /** Who in the line of those who fetch the image this one is; 0 for a piece of its own. */
  readonly place: number
  /** Whether somebody other than the portal has it. */
  readonly isAtPeers: boolean
}

/** How the sharing of an image stands here. */
export interface Standing {
  /** In the order of the image, from its own stretch on and around. */
  readonly open: readonly OpenPiece[]
  /** Whether anybody else fetches the image now. */
  readonly isShared: boolean
  /** Pieces that are under way from the portal, as far as is known. */
  readonly fromPortal: number
  /** When the last piece of its own was here; undefined until then. */
  readonly ownDoneAt: number | undefined
  readonly startedAt: number
  readonly now: number
}

/** What is on its way from the portal at once while others do the same: more would be asked for twice. */
export const mostFromPortal = 2

const graceMs = 2_000

/**
 * What to fetch next; undefined if it is better to wait for the others. Its own pieces come first, because the others wait for
 * them, then what any of them has. When its own are here, it takes over what others leave undone: whoever is next in line when
 * these are late by half the time that its own took and two seconds, and so on down the line.
 */
export function choosePiece(standing: Standing): OpenPiece | undefined {
  const { open, isShared, fromPortal, ownDoneAt, startedAt, now } = standing
  if (!isShared) return open[0]
  const free = open.filter(({ isAtPeers }) => !isAtPeers)
  const mayAsk = fromPortal < mostFromPortal
  const own = mayAsk ? free.find(({ place }) => place === 0) : undefined
  if (own !== undefined) return own
  const given = open.find(({ isAtPeers }) => isAtPeers)
  if (given !== undefined || !mayAsk || ownDoneAt === undefined) return given
  const lateMs = now - ownDoneAt
  const grace = graceMs + (ownDoneAt - startedAt) / 2
  // From the end: whoever should have taken them began at the front.
  return free.findLast(({ place }) => lateMs >= place * grace)
}
