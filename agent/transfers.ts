import type { Origin } from '../lib/chunks/ranking.ts'
import type { Failure } from '../lib/failure.ts'

/** How the way of one image to this facility stands. */
export interface Transfer {
  readonly state: 'fetching' | 'waiting' | 'present' | 'failed'
  readonly startedAt: number
  readonly endedAt?: number
  /** Bytes as stored: what the image's chunks take in all, as the portal says. */
  readonly imageBytes: number
  /** The share of them that was here when it began; an estimate from raw sizes until it ends. */
  readonly reusedBytes: number
  readonly bytes: Readonly<Record<Origin, number>>
  readonly failures: number
  readonly failure?: Failure
  /** Bytes a second to which its terms bind it; undefined if to none. */
  readonly rate?: number | undefined
  /** When it is tried again. */
  readonly retryAt?: number
}

/** The transfers since the agent started, by the image's name. */
export type Transfers = Map<string, Transfer>

export function fetchedBytes({ bytes }: Transfer): number {
  return bytes.peer + bytes.portal
}

/** Bytes a second of the last transfer that took long enough to tell, and that no rule's rate bound; undefined if there was none. */
export function lastRate(transfers: Transfers, now: number): number | undefined {
  const told = [...transfers.values()].filter(
    (one) =>
      one.rate === undefined &&
      (one.endedAt ?? now) - one.startedAt >= leastMs &&
      fetchedBytes(one) > 0,
  )
  const last = told.toSorted((a, b) => b.startedAt - a.startedAt).at(0)
  if (last === undefined) return undefined
  return (fetchedBytes(last) / ((last.endedAt ?? now) - last.startedAt)) * 1000
}

const leastMs = 1000

/** The bytes to fetch in all: estimated on the way, exact at the end. */
export function totalToFetch(transfer: Transfer): number {
  const fetched = fetchedBytes(transfer)
  if (transfer.state === 'present') return fetched
  return Math.max(fetched, transfer.imageBytes - transfer.reusedBytes)
}
