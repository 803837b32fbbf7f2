/** What an image takes at a place: its chunks, each with its bytes. */
export type Chunks = ReadonlyMap<string, number>

/** What comes free when some images go. */
export interface Freed {
  /** All of it: the chunks that only those need which go, each counted once. */
  readonly bytes: number
  /** What would come free if one of them alone went, by its name. */
  readonly own: ReadonlyMap<string, number>
}

/** Foretells what comes free at a place when some of its images go: chunks that others share stay. */
export function freedBy(images: ReadonlyMap<string, Chunks>, going: ReadonlySet<string>): Freed {
  const needing = new Map<string, number>()
  const staying = new Set<string>()
  for (const [name, chunks] of images) {
    for (const chunk of chunks.keys()) {
      needing.set(chunk, (needing.get(chunk) ?? 0) + 1)
      if (!going.has(name)) staying.add(chunk)
    }
  }
  const freed = new Map<string, number>()
  const own = new Map<string, number>()
  for (const name of going) {
    let alone = 0
    for (const [chunk, bytes] of images.get(name) ?? []) {
      if (!staying.has(chunk)) freed.set(chunk, bytes)
      if (needing.get(chunk) === 1) alone += bytes
    }
    own.set(name, alone)
  }
  return { bytes: sum(freed.values()), own }
}

/** What images take together, each chunk counted once. */
export function takenBy(images: Iterable<Chunks>): number {
  const all = new Map<string, number>()
  for (const chunks of images) for (const [chunk, bytes] of chunks) all.set(chunk, bytes)
  return sum(all.values())
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
