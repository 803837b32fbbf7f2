import { X509Certificate } from 'node:crypto'

export interface WallClock {
  readonly now: () => Date
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const hourMs = 60 * 60 * 1000
/** Clocks are set, and machines sleep: nobody waits for longer without looking what time it is. */
const lookMs = 60_000

/** Waits until half of a certificate's life is over; it is valid from an hour before it was issued. */
export async function untilRenewal(
  chain: Buffer,
  { now, sleep }: WallClock,
  signal: AbortSignal,
): Promise<void> {
  const { validFrom, validTo } = new X509Certificate(chain)
  const half = (Date.parse(validFrom) + hourMs + Date.parse(validTo)) / 2
  while (!signal.aborted) {
    const left = half - now().getTime()
    if (left <= 0) return
    await sleep(Math.min(left, lookMs), signal).catch(() => undefined)
  }
}

/** How long a certificate is still valid, in milliseconds. */
export function lifeLeft(chain: Buffer, now: Date): number {
  return Date.parse(new X509Certificate(chain).validTo) - now.getTime()
}
