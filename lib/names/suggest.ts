/** What to say about an unknown word. */
export interface Suggestion {
  /** The closest known words, closest first, three at most. */
  readonly nearest: readonly string[]
  /** The end of a sentence: what was likely meant, or else what there is. */
  readonly ending: string
}

/** No word that is known is longer; the start of a longer one tells enough. */
const maxWordLength = 32

/** Compares a word to the known ones; the `rare` can be meant too, and are not listed. */
export function suggest(
  word: string,
  known: readonly string[],
  rare: readonly string[] = [],
): Suggestion {
  const start = word.slice(0, maxWordLength)
  const ranked = closest(start, new Set([...known, ...rare]))
  const nearest = ranked.map(({ candidate }) => candidate)
  const least = ranked[0]?.distance ?? Infinity
  if (least > Math.max(1, start.length / 3))
    return { nearest, ending: `known are ${listed(known)}` }
  const meant = ranked.filter(({ distance }) => distance === least)
  return { nearest, ending: `did you mean ${choice(meant.map(({ candidate }) => candidate))}?` }
}

interface Ranked {
  readonly candidate: string
  readonly distance: number
}

/** The three closest, closest first; words that cannot be among them are not compared to the end. */
function closest(word: string, candidates: Iterable<string>): readonly Ranked[] {
  let ranked: readonly Ranked[] = []
  for (const candidate of candidates) {
    const limit = ranked[2]?.distance
    const distance = editDistance(word, candidate, limit)
    if (limit !== undefined && distance > limit) continue
    ranked = [...ranked, { candidate, distance }].sort(byDistance).slice(0, 3)
  }
  return ranked
}

function byDistance(a: Ranked, b: Ranked): number {
  return a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1)
}

/** `a`, `b` or `c`. */
export function choice(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``)
  const last = quoted.pop() ?? 'nothing'
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`
}

function listed(known: readonly string[]): string {
  const words = [...new Set(known)]
  return words.slice(0, 12).join(', ') + (words.length > 12 ? ', …' : '')
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other; where they are more than
 * the limit, any number above it.
 */
export function editDistance(a: string, b: string, limit = a.length + b.length): number {
  if (a.length - b.length > limit || b.length - a.length > limit) return limit + 1
  let before: readonly number[] = []
  let above: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j)
  let leastAbove = 0
  for (let i = 1; i <= a.length; i++) {
    const row = nextRow(a, i, b, above, before)
    const least = row.reduce(lesser)
    // What comes after a row is reached from it or, by a swap, from the one above it.
    if (least > limit && leastAbove >= limit) return limit + 1
    ;[before, above, leastAbove] = [above, row, least]
  }
  return above[b.length] ?? 0
}

/** The steps from the first `i` letters of one word to each start of the other. */
function nextRow(
  a: string,
  i: number,
  b: string,
  above: readonly number[],
  before: readonly number[],
): readonly number[] {
  let left = i
  const row = [left]
  for (let j = 1; j <= b.length; j++) {
    const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
    left = lesser(replaced, lesser(left, above[j] ?? 0) + 1)
    const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
    if (isSwapped) left = lesser(left, (before[j - 2] ?? 0) + 1)
    row.push(left)
  }
  return row
}

function lesser(a: number, b: number): number {
  return a < b ? a : b
}
