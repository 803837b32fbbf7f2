import { invalid } from '../lib/failure.ts'
import type { Call } from '../lib/rpc/serve.ts'

/** Who waits, and how long at most. */
export interface Waiting extends Pick<Call, 'signal' | 'closing'> {
  readonly waitSeconds: number
  /** Milliseconds since some moment. */
  readonly clock: () => number
}

const longestWait = 60
/** News can be lost, so nobody waits for it longer than this. */
const pollMs = 5_000

export function demandWait(waitSeconds: number): void {
  if (waitSeconds <= longestWait) return
  const field = 'wait_seconds'
  throw invalid('INVALID_FIELD', `${field} is ${longestWait} at most.`, { field })
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What an agent makes up to be known by. */
export function demandClaim(claim: string): void {
  if (uuid.test(claim)) return
  throw invalid('INVALID_FIELD', `claim "${claim}" is no UUID in small letters.`, {
    field: 'claim',
  })
}

/** Looks, and again at each news, until something is found or the time is over; undefined then. */
export async function lookFor<T>(
  look: () => Promise<T | undefined>,
  next: (withinMs: number, signal: AbortSignal) => Promise<void>,
  { waitSeconds, clock, signal, closing }: Waiting,
): Promise<T | undefined> {
  const over = AbortSignal.any([signal, closing])
  const until = clock() + waitSeconds * 1000
  for (;;) {
    // Listening begins before looking, so that nothing falls between the two.
    const left = until - clock()
    const news = next(Math.max(0, Math.min(left, pollMs)), over)
    const found = await look()
    if (found !== undefined || left <= 0 || over.aborted) return found
    await news
  }
}
