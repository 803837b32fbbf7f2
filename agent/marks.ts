/** Something that fills up: the store, by what it may take, or the disk. */
export interface Bound {
  readonly what: 'store' | 'disk'
  readonly usedBytes: number
  readonly totalBytes: number
}

/** Shares of what there is. */
export interface Marks {
  /** The high-water mark: above it room is made. */
  readonly above: number
  /** The low-water mark: until this much is left in use. */
  readonly below: number
}

/** The bytes to let go, with so many on their way; 0 while nothing is above the high-water mark. */
export function excessBytes(bounds: readonly Bound[], marks: Marks, comingBytes: number): number {
  const each = bounds.map(({ usedBytes, totalBytes }) => {
    const used = usedBytes + comingBytes
    return used > marks.above * totalBytes ? used - marks.below * totalBytes : 0
  })
  return Math.ceil(Math.max(0, ...each))
}

/** The bytes that do not fit at all. */
export function lackingBytes(bounds: readonly Bound[], comingBytes: number): number {
  const each = bounds.map(({ usedBytes, totalBytes }) => usedBytes + comingBytes - totalBytes)
  return Math.ceil(Math.max(0, ...each))
}

/** The same with so many bytes less in use. */
export function without(bounds: readonly Bound[], bytes: number): readonly Bound[] {
  return bounds.map((bound) => ({ ...bound, usedBytes: Math.max(0, bound.usedBytes - bytes) }))
}
