import type { Clock } from './clock.ts'

/** Lets so many bytes a second through. */
export interface Limit {
  /** Resolves when these bytes may go on; those who came before go first. Bytes whose signal aborts do not count. */
  take(bytes: number, signal: AbortSignal): Promise<void>
}

/** What a pause may make up for, so that a late timer costs nothing. */
const burstMs = 250

/** A bucket that so many bytes flow into each second; without a rate there is no limit. */
export function limitTo(bytesPerSecond: number | undefined, clock: Clock): Limit {
  if (bytesPerSecond === undefined) return { take: () => Promise.resolve() }
  return bucket(bytesPerSecond, clock, true)
}

/** One bucket for each rate, for bytes that have come: they count even if the waiting is given up, and whoever comes next waits for them. */
export function owedLimits(clock: Clock): (bytesPerSecond: number | undefined) => Limit {
  const known = new Map<number, Limit>()
  return (bytesPerSecond) => {
    if (bytesPerSecond === undefined) return limitTo(undefined, clock)
    const limit = known.get(bytesPerSecond) ?? bucket(bytesPerSecond, clock, false)
    known.set(bytesPerSecond, limit)
    return limit
  }
}

function bucket(bytesPerSecond: number, clock: Clock, refunds: boolean): Limit {
  let paidUntil = -Infinity
  return {
    async take(bytes, signal) {
      const now = clock.now()
      const costMs = (bytes / bytesPerSecond) * 1000
      paidUntil = Math.max(paidUntil, now - burstMs) + costMs
      if (paidUntil <= now) return
      try {
        await clock.sleep(paidUntil - now, signal)
      } catch (error) {
        if (refunds) paidUntil -= costMs
        throw error
      }
    },
  }
}

/** A limit that counts what it lets through. */
export interface Counted extends Limit {
  bytes(): number
}

export function counted(limit: Limit): Counted {
  let sum = 0
  return {
    async take(bytes, signal) {
      await limit.take(bytes, signal)
      sum += bytes
    },
    bytes: () => sum,
  }
}

/** What passes both, and so as fast as the slower lets it. */
export function bothLimits(one: Limit, other: Limit): Limit {
  return {
    async take(bytes, signal) {
      await one.take(bytes, signal)
      await other.take(bytes, signal)
    },
  }
}
