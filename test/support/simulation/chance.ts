import { createHash } from 'node:crypto'

/** All that a run leaves to chance: the same for the same seed. */
export interface Chance {
  /** From 0 to below 1. */
  next(): number
  /** A whole number, both ends included. */
  between(from: number, to: number): number
  happens(share: number): boolean
  pick<T>(list: readonly [T, ...T[]]): T
  /** One of them, if there is any. */
  any<T>(list: readonly T[]): T | undefined
}

/** Chance by a name, of a seed: what one part of a run draws does not change what the others do. */
export function chanceOf(seed: number, name: string): Chance {
  const digest = createHash('sha256').update(`${seed} ${name}`).digest()
  const next = sfc32([0, 4, 8, 12].map((at) => digest.readInt32LE(at)))
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    between,
    happens: (share) => next() < share,
    pick: (list) => list[between(0, list.length - 1)] ?? list[0],
    any: (list) => list[between(0, list.length - 1)],
  }
}

/** Small fast counting (PractRand's sfc32): 128 bits of state, and quick. */
function sfc32([first = 0, second = 0, third = 0, count = 0]: readonly number[]): () => number {
  let [a, b, c, counter] = [first, second, third, count]
  return () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 2 ** 32
  }
}
