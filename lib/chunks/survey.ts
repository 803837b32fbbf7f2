import type { Digest } from '../content/digest.ts'
import { nobodyWaits } from './abort.ts'
import { type Patience, unlessStalled } from './batch.ts'
import type { RankedSource } from './ranking.ts'

/** Hears of every answer, those that come late too. */
export interface Replies {
  readonly onAnswer: (peer: RankedSource, held: ReadonlySet<Digest>) => void
  readonly onFault: (peer: RankedSource, error: unknown) => void
}

/** Who does not say what it holds for so long is taken to hang. */
const mostMs = 2_000

/**
 * Asks all of them at once. It waits for everybody; but once every chunk is held by somebody who has answered, for the others only
 * as long again as that took. A peer may hold only a part of an image, so what it lacks is not its fault.
 */
export async function survey(
  peers: readonly RankedSource[],
  wanted: readonly Digest[],
  { onAnswer, onFault }: Replies,
  { clock, stallMs }: Patience,
  signal: AbortSignal,
): Promise<void> {
  const unheld = new Set(wanted)
  const covered = Promise.withResolvers<undefined>()
  const patience = { clock, stallMs: Math.min(stallMs, mostMs) }
  const ask = async (peer: RankedSource): Promise<void> => {
    try {
      const missing = peer.source.missing(wanted, signal)
      const lacking = new Set(await unlessStalled(missing, patience, signal))
      const held = new Set(wanted.filter((digest) => !lacking.has(digest)))
      onAnswer(peer, held)
      for (const digest of held) unheld.delete(digest)
      if (unheld.size === 0) covered.resolve(undefined)
    } catch (error) {
      if (!signal.aborted) onFault(peer, error)
    }
  }
  const done = new AbortController()
  const began = clock.now()
  const longEnough = covered.promise.then(() => clock.sleep(clock.now() - began, done.signal))
  longEnough.catch(() => undefined)
  await Promise.race([Promise.all(peers.map(ask)), longEnough])
  done.abort(nobodyWaits)
  signal.throwIfAborted()
}
