import { batchesOf } from '../batches.ts'
import type { Digest } from '../content/digest.ts'

/** A part of an image that one of those who fetch it together takes from the portal, for all of them. */
export interface Piece {
  /** Its place among the pieces of the image, the same for everybody. */
  readonly number: number
  /** Those of its chunks that are lacking here. */
  readonly digests: readonly Digest[]
}

const largestPiece = 256
const smallestPiece = 8
/** A small image has enough pieces to share it between ten. */
const usualPieces = 128

/** Cuts an image in pieces: everybody who fetches it cuts alike, whatever is lacking where. */
export function cutPieces(
  digests: readonly Digest[],
  lacking: readonly Digest[],
): { readonly pieces: readonly Piece[]; readonly count: number } {
  const size = Math.ceil(digests.length / usualPieces)
  const cut = batchesOf(digests, Math.min(largestPiece, Math.max(smallestPiece, size)))
  const absent = new Set(lacking)
  const pieces = cut
    .map((all, number) => ({ number, digests: all.filter((digest) => absent.has(digest)) }))
    .filter((piece) => piece.digests.length > 0)
  return { pieces, count: cut.length }
}

/**
 * Who takes a piece from the portal: 0 is whoever it belongs to, 1 who takes it if that one does not, and so on. Each has a
 * stretch of the image to itself; what one of them leaves undone falls to all the others in equal parts.
 */
export function placeInLine(
  piece: number,
  pieceCount: number,
  rank: number,
  fetcherCount: number,
): number {
  const owner = ownerOf(piece, pieceCount, fetcherCount)
  if (owner === rank) return 0
  const after = (rank - owner + fetcherCount) % fetcherCount
  return 1 + ((after - 1 + piece) % (fetcherCount - 1))
}

function ownerOf(piece: number, pieceCount: number, fetcherCount: number): number {
  return Math.min(fetcherCount - 1, Math.floor((piece * fetcherCount) / pieceCount))
}
