import { isOver } from '../chunks/abort.ts'
import { unlessStalled } from '../chunks/batch.ts'
import type { Clock } from '../chunks/clock.ts'
import type { RankedSource } from '../chunks/ranking.ts'
import type { Digest } from '../content/digest.ts'
import type { Piece } from './pieces.ts'

/** What others have of an image by now. */
export interface News {
  /** Whether they said that they have the whole piece, and answer. */
  readonly knows: (name: string, piece: Piece) => boolean
  /** Whether they did not answer when they were asked last. */
  readonly isAway: (name: string) => boolean
  /** Asks them, over and over. */
  listen(signal: AbortSignal): Promise<void>
  /** Resolves when all of them were asked once, or soon anyway. */
  first(signal: AbortSignal): Promise<void>
}

export interface NewsDeps {
  readonly fetchers: () => readonly RankedSource[]
  /** What nobody is at work on here. */
  readonly open: ReadonlySet<Piece>
  readonly clock: Clock
  /** Hears when there is something new. */
  readonly onNews: () => void
}

const askEveryMs = 300
/** Asking takes the time of those who answer: no more than about a fifth of it. */
const pauseFactor = 4
/** Who does not answer for so long is not counted on. */
const stallMs = 10_000
/** How long the first answers are waited for. */
const firstAnswersMs = 1_000
/** With many fetchers, each is asked less often. */
const askedAtOnce = 8
/** These stand for a piece at first: it comes in about the order of the image. */
const probesOfPiece = 2
const piecesAskedFor = 512
const piecesConfirmed = 32

export function news(deps: NewsDeps): News {
  const { fetchers, open, clock, onNews } = deps
  const known = new Map<string, Set<Piece>>()
  const away = new Set<string>()
  /** First for a few chunks of each piece, then for all of those that seem to be there. */
  const ask = async (peer: RankedSource, signal: AbortSignal): Promise<void> => {
    const has = known.get(peer.name) ?? new Set()
    known.set(peer.name, has)
    const unknown = [...open].filter((piece) => !has.has(piece)).slice(0, piecesAskedFor)
    try {
      const likely = await heldBy(peer, unknown, probesOf, clock, signal)
      const few = likely.slice(0, piecesConfirmed)
      const sure = await heldBy(peer, few, ({ digests }) => digests, clock, signal)
      for (const piece of sure) has.add(piece)
      if (away.delete(peer.name) || sure.length > 0) onNews()
    } catch {
      if (!signal.aborted) away.add(peer.name)
    }
  }
  return {
    knows: (name, piece) => !away.has(name) && known.get(name)?.has(piece) === true,
    isAway: (name) => away.has(name),
    async listen(signal) {
      const notBefore = new Map<string, number>()
      while (!isOver(signal)) {
        const all = fetchers()
        for (const peer of all.filter(({ name }) => (notBefore.get(name) ?? 0) <= clock.now())) {
          const began = clock.now()
          notBefore.set(peer.name, Infinity)
          void ask(peer, signal).then(() => {
            const turn = askEveryMs * Math.ceil(all.length / askedAtOnce)
            const pause = Math.max(turn, pauseFactor * (clock.now() - began))
            notBefore.set(peer.name, clock.now() + pause)
          })
        }
        await clock.sleep(askEveryMs / 3, signal).catch(() => undefined)
      }
    },
    async first(signal) {
      const told = Promise.all(
        fetchers()
          .slice(0, askedAtOnce)
          .map((peer) => ask(peer, signal)),
      )
      await Promise.race([told, clock.sleep(firstAnswersMs, signal).catch(() => undefined)])
    },
  }
}

/** Those of the pieces of which the peer has all that stands for them. */
async function heldBy(
  peer: RankedSource,
  pieces: readonly Piece[],
  probes: (piece: Piece) => readonly Digest[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Piece[]> {
  if (pieces.length === 0) return []
  const answer = peer.source.missing(pieces.flatMap(probes), signal)
  const lacking = new Set(await unlessStalled(answer, { clock, stallMs }, signal))
  return pieces.filter((piece) => !probes(piece).some((digest) => lacking.has(digest)))
}

function probesOf({ digests }: Piece): Digest[] {
  const every = Math.ceil(digests.length / probesOfPiece)
  return digests.filter((_, i) => (i + 1) % every === 0 || i === digests.length - 1)
}
