import { makeBell } from '../bell.ts'
import { either, nobodyWaits } from '../chunks/abort.ts'
import type { Clock } from '../chunks/clock.ts'
import type { RankedSource } from '../chunks/ranking.ts'
import type { Run } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import { choosePiece, type OpenPiece } from './choose.ts'
import { liner } from './line.ts'
import { news, type News } from './news.ts'
import { cutPieces, type Piece } from './pieces.ts'

/** Who has or fetches an image, as the portal says now. */
export interface Company {
  /** What they call this one; empty if it serves nobody, so that nobody counts on it. */
  readonly self: string
  /** Others who fetch the image too, and serve what they have of it. */
  readonly fetchers: readonly RankedSource[]
  /** Others who have all of it. */
  readonly holders: readonly RankedSource[]
}

export interface SharingOptions {
  /** All chunks of the image in its order. */
  readonly digests: readonly Digest[]
  readonly lacking: readonly Digest[]
  /** Asked again and again: others come and go. */
  readonly company: () => Company
  readonly clock: Clock
}

/** An image's way here, in step with others who fetch it at the same time, so that the portal gives each part about once. */
export interface Sharing {
  /** What to fetch next, until nothing is lacking; it takes its time where others will have something in a moment. */
  batches(signal: AbortSignal): AsyncGenerator<readonly Digest[], void, undefined>
  /** Who has any of these chunks now. What those have who fetch the image too is known: they are not asked once more. */
  peers(wanted: ReadonlySet<Digest>): RankedSource[]
  /** Chunks came. */
  came(run: Run): void
}

const lookEveryMs = 300

export function sharing({ digests, lacking, company, clock }: SharingOptions): Sharing {
  const { pieces, count } = cutPieces(digests, lacking)
  const open = new Set(pieces)
  const arrivals = arriving(pieces)
  const bell = makeBell(clock)
  const fetchers = () => company().fetchers
  const onNews = (): void => {
    bell.ring()
  }
  const heard = news({ fetchers, open, clock, onNews })
  const choose = chooser(pieces, count, open, arrivals, heard, clock)
  return {
    async *batches(signal) {
      const stop = new AbortController()
      const both = either(stop.signal, signal)
      await heard.first(both)
      void heard.listen(both)
      try {
        while (open.size > 0) {
          signal.throwIfAborted()
          const chosen = choose(company())
          if (chosen === undefined) {
            await bell.next(lookEveryMs, signal)
            continue
          }
          open.delete(chosen.piece)
          if (!chosen.isAtPeers) arrivals.fromPortal.add(chosen.piece)
          yield chosen.piece.digests
        }
      } finally {
        stop.abort(nobodyWaits)
      }
    },
    peers(wanted) {
      const asked = new Set([...wanted].flatMap((digest) => arrivals.pieceOf.get(digest) ?? []))
      const able = fetchers().filter(({ name }) =>
        [...asked].some((piece) => heard.knows(name, piece)),
      )
      return [...company().holders, ...able.map((peer) => knowing(peer, arrivals.pieceOf, heard))]
    },
    came({ entries }) {
      for (const { digest } of entries) if (arrivals.came(digest)) bell.ring()
    },
  }
}

/** Which pieces are not here yet. */
interface Arrivals {
  readonly pieceOf: ReadonlyMap<Digest, Piece>
  readonly fromPortal: Set<Piece>
  readonly isHere: (piece: Piece) => boolean
  /** Whether a piece is whole with it. */
  came(digest: Digest): boolean
}

function arriving(pieces: readonly Piece[]): Arrivals {
  const pieceOf = new Map(pieces.flatMap((piece) => piece.digests.map((d) => [d, piece] as const)))
  const left = new Map(pieces.map((piece) => [piece, piece.digests.length]))
  const fromPortal = new Set<Piece>()
  return {
    pieceOf,
    fromPortal,
    isHere: (piece) => !left.has(piece),
    came(digest) {
      const piece = pieceOf.get(digest)
      const rest = piece === undefined ? undefined : left.get(piece)
      if (piece === undefined || rest === undefined) return false
      if (rest > 1) left.set(piece, rest - 1)
      else left.delete(piece)
      if (rest === 1) fromPortal.delete(piece)
      return rest === 1
    },
  }
}

/** Keeps the time for `choosePiece`, and tells it how things stand. */
function chooser(
  pieces: readonly Piece[],
  count: number,
  open: ReadonlySet<Piece>,
  { isHere, fromPortal }: Arrivals,
  heard: News,
  clock: Clock,
): (company: Company) => OpenPiece | undefined {
  const startedAt = clock.now()
  const lineFor = liner(count, heard.isAway)
  let ownDoneAt: number | undefined
  return (company) => {
    const fetchers = company.fetchers.filter(({ name }) => !heard.isAway(name))
    const { holders } = company
    const place = lineFor(
      company.self,
      company.fetchers.map(({ name }) => name),
    )
    const own = pieces.findIndex((piece) => place(piece) === 0)
    const turned = [...pieces.slice(Math.max(0, own)), ...pieces.slice(0, Math.max(0, own))]
    const now = clock.now()
    if (turned.some((piece) => place(piece) === 0 && !isHere(piece))) ownDoneAt = undefined
    else ownDoneAt ??= now
    const isAtPeers = (piece: Piece): boolean =>
      holders.length > 0 || fetchers.some(({ name }) => heard.knows(name, piece))
    return choosePiece({
      open: turned
        .filter((piece) => open.has(piece))
        .map((piece) => ({ piece, place: place(piece), isAtPeers: isAtPeers(piece) })),
      isShared: fetchers.length > 0,
      fromPortal: fromPortal.size,
      ownDoneAt,
      startedAt,
      now,
    })
  }
}

function knowing(peer: RankedSource, pieceOf: Arrivals['pieceOf'], { knows }: News): RankedSource {
  const lacks = (digest: Digest): boolean => {
    const piece = pieceOf.get(digest)
    return piece === undefined || !knows(peer.name, piece)
  }
  const { source } = peer
  return {
    ...peer,
    source: {
      missing: (digests) => Promise.resolve(digests.filter(lacks)),
      fetch: (digests, signal) => source.fetch(digests, signal),
    },
  }
}
