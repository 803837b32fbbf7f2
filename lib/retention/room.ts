/** Something that takes room and was used at some time. */
export interface Used {
  readonly name: string
  readonly bytes: number
  /** When it was used last, or came; what was used longest ago goes first. */
  readonly used: Date
}

/** What to let go so that so many bytes come free, those that were used longest ago first; all of it if that is not enough. */
export function makeRoom<T extends Used>(from: readonly T[], bytes: number): readonly T[] {
  const oldestFirst = from.toSorted(
    (a, b) => a.used.getTime() - b.used.getTime() || (a.name < b.name ? -1 : 1),
  )
  const chosen: T[] = []
  let free = 0
  for (const one of oldestFirst) {
    if (free >= bytes) break
    chosen.push(one)
    free += one.bytes
  }
  return chosen
}
