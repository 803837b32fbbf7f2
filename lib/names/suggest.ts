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
  const ranked = [...new Set([...known, ...rare])]
    .map((candidate) => ({ candidate, distance: editDistance(start, candidate) }))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
  const nearest = ranked.map(({ candidate }) => candidate)
  const least = ranked[0]?.distance ?? Infinity
  if (least > Math.max(1, start.length / 3))
    return { nearest, ending: `known are ${listed(known)}` }
  const meant = ranked.filter(({ distance }) => distance === least)
  return { nearest, ending: `did you mean ${choice(meant.map(({ candidate }) => candidate))}?` }
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

/** Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other. */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const changed = Math.min(at(above, j) + 1, at(row, j - 1) + 1, replaced)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(swapped ? Math.min(changed, at(before, j - 2) + 1) : changed)
    }
    before = above
    above = row
  }
  return at(above, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
