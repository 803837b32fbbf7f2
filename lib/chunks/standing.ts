import { type Fault, faultOf, restMs } from './fault.ts'
import type { Known } from './ranking.ts'

/** How sources did, over all copies of a process's life, by name. */
export interface Standing {
  readonly knows: (name: string) => Known
  /** A part is fetched from it until the result is disposed of. */
  working(name: string): Disposable
  /** Somebody waits for its bytes; call the result with how many came. */
  waiting(name: string): (bytes: number) => void
  /** A part came as it should. */
  did(name: string): void
  /** It did not do what it should, and sits out. */
  failed(name: string, error: unknown): void
  /** Everybody who was ever asked. */
  all(): SourceStanding[]
}

/** How one source stands, for people. */
export interface SourceStanding {
  readonly name: string
  /** Bytes a second; 0 if nothing was measured lately. */
  readonly rate: number
  /** How long it sits out still; 0 if it does not. */
  readonly restsMs: number
  /** Why. */
  readonly reason: string
}

export interface StandingDeps {
  readonly now: () => number
  /** From 0 to below 1. */
  readonly chance: () => number
  /** Hears of every source that begins to sit out. */
  readonly onRest?: (rest: Rest) => void
}

export interface Rest {
  readonly name: string
  readonly fault: Fault
  readonly restMs: number
  readonly reason: string
}

interface Notes {
  busy: number
  waits: number
  since: number
  /** Bytes, and the milliseconds waited for them; what is long ago counts for less and less. */
  bytes: number
  ms: number
  measuredAt: number
  readonly strikes: { lie: number; trouble: number }
  fault: Fault | undefined
  restingUntil: number
  reason: string
}

/** What was measured so much waiting ago counts a third. */
const memoryMs = 5_000
/** After so long without a measurement a source is tried again. */
const staleMs = 60_000

export function openStanding({ now, chance, onRest }: StandingDeps): Standing {
  const records = new Map<string, Notes>()
  const of = (name: string): Notes => {
    const record = records.get(name) ?? unknown()
    records.set(name, record)
    return record
  }
  return {
    knows(name) {
      const record = of(name)
      return {
        rate: rateOf(record, now()),
        busy: record.busy,
        restingUntil: record.restingUntil,
      }
    },
    working(name) {
      const record = of(name)
      record.busy++
      return {
        [Symbol.dispose]: () => {
          record.busy--
        },
      }
    },
    waiting(name) {
      const record = of(name)
      if (record.waits++ === 0) record.since = now()
      return (bytes) => {
        measure(record, bytes, now())
        record.waits--
      }
    },
    did(name) {
      const record = of(name)
      record.strikes.trouble = 0
      if (record.fault !== 'lie') record.restingUntil = -Infinity
    },
    failed(name, error) {
      const record = of(name)
      const at = now()
      const fault = faultOf(error)
      // Several parts that were under way fail together: that is one fault.
      if (record.restingUntil > at && (fault !== 'lie' || record.fault === 'lie')) return
      const strikes = ++record.strikes[fault === 'lie' ? 'lie' : 'trouble']
      const ms = restMs(fault, strikes, chance())
      record.fault = fault
      record.restingUntil = at + ms
      record.reason = error instanceof Error ? error.message : String(error)
      onRest?.({ name, fault, restMs: ms, reason: record.reason })
    },
    all: () =>
      [...records].map(([name, record]) => {
        const restsMs = Math.max(0, record.restingUntil - now())
        const reason = restsMs > 0 ? record.reason : ''
        return { name, rate: rateOf(record, now()) ?? 0, restsMs, reason }
      }),
  }
}

function unknown(): Notes {
  return {
    busy: 0,
    waits: 0,
    since: 0,
    bytes: 0,
    ms: 0,
    measuredAt: -Infinity,
    strikes: { lie: 0, trouble: 0 },
    fault: undefined,
    restingUntil: -Infinity,
    reason: '',
  }
}

function measure(record: Notes, bytes: number, now: number): void {
  const ms = now - record.since
  const kept = Math.exp(-ms / memoryMs)
  record.bytes = record.bytes * kept + bytes
  record.ms = record.ms * kept + ms
  record.since = now
  record.measuredAt = now
}

function rateOf({ bytes, ms, measuredAt }: Notes, now: number): number | undefined {
  if (now - measuredAt > staleMs) return undefined
  return (bytes / Math.max(1, ms)) * 1000
}
