import { Failure } from '../failure.ts'

/**
 * What a source can do wrong: it lies (bytes that are not what they are called, or that nobody asked for), it hangs, it ends
 * before its answer is whole, or it cannot be reached.
 */
export type Fault = 'lie' | 'stall' | 'short' | 'away'

interface Rests {
  readonly firstMs: number
  readonly factor: number
  readonly mostMs: number
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** Who lies sits out for most of a day before long; a cut line may be whole again in a moment. */
const rests: Readonly<Record<Fault, Rests>> = {
  lie: { firstMs: 10 * minute, factor: 4, mostMs: 24 * hour },
  stall: { firstMs: 30 * second, factor: 2, mostMs: 10 * minute },
  short: { firstMs: 30 * second, factor: 2, mostMs: 10 * minute },
  away: { firstMs: 2 * second, factor: 2, mostMs: 5 * minute },
}

const lies = new Set(['CHUNK_CORRUPT', 'INVALID_CHUNK'])

export function faultOf(error: unknown): Fault {
  if (!(error instanceof Failure)) return 'away'
  if (lies.has(error.reason)) return 'lie'
  if (error.kind === 'late') return 'stall'
  return error.reason === 'CHUNK_NOT_FOUND' ? 'short' : 'away'
}

/** How long a source sits out that did so for the `strikes`-th time in a row: from half of that on, as `chance` has it. */
export function restMs(fault: Fault, strikes: number, chance: number): number {
  const { firstMs, factor, mostMs } = rests[fault]
  return Math.min(mostMs, firstMs * factor ** (strikes - 1)) * (0.5 + chance / 2)
}
