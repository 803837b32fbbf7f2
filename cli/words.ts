import { choice, suggest } from '../lib/names/suggest.ts'

/** What a typed word means among some known ones. */
export type Pick =
  | { readonly kind: 'one'; readonly word: string }
  | { readonly kind: 'many'; readonly words: readonly string[] }
  | { readonly kind: 'none' }

/** A word, or any prefix of it that no other word has. */
export function pick(typed: string, known: readonly string[]): Pick {
  const word = typed.toLowerCase()
  const meant = settled.get(word)
  if (meant !== undefined && known.includes(meant)) return { kind: 'one', word: meant }
  const fitting = [...new Set(known)].filter((candidate) => forms(candidate).some(begins(word)))
  const [first] = fitting.filter((candidate) => forms(candidate).includes(word)).concat(fitting)
  if (first === undefined) return { kind: 'none' }
  return fitting.length === 1 || forms(first).includes(word)
    ? { kind: 'one', word: first }
    : { kind: 'many', words: fitting }
}

/** What fingers know already: words that came later do not make it ambiguous. */
const settled: ReadonlyMap<string, string> = new Map([['sh', 'show']])

const plurals = [
  ['image', 'images'],
  ['alias', 'aliases'],
  ['distro', 'distros'],
  ['facility', 'facilities'],
  ['recipe', 'recipes'],
  ['build', 'builds'],
  ['hold', 'holds'],
  ['holder', 'holders'],
  ['policy', 'policies'],
  ['run', 'runs'],
  ['event', 'events'],
  ['source', 'sources'],
  ['item', 'items'],
]

/** `list facility` and `show facilities` are as clear as the other way round. */
function forms(word: string): readonly string[] {
  return plurals.find((pair) => pair.includes(word)) ?? [word]
}

function begins(start: string): (word: string) => boolean {
  return (word) => word.startsWith(start)
}

export function isImage(object: string | undefined): boolean {
  return object === undefined || forms(object).includes('image')
}

/** A sentence about a word that nobody knows. */
export function unknown(what: string, typed: string, known: readonly string[]): string {
  return `there is no ${what} \`${typed}\`: ${suggest(typed, known).ending}`
}

/** A sentence about a word that could be several. */
export function ambiguous(typed: string, words: readonly string[]): string {
  return `\`${typed}\` could be ${choice([...words].sort())}`
}

/** The word that people and scripts read for a value of the API: `released` for IMAGE_STATE_RELEASED. */
export function word(values: Readonly<Record<string, number>>, value: number): string {
  const names = Object.keys(values)
  const prefix = names[0]?.replace('UNSPECIFIED', '') ?? ''
  const name = names.find((candidate) => values[candidate] === value) ?? 'UNKNOWN'
  return name.replace(prefix, '').toLowerCase()
}

/** All of these words but the one that is never sent. */
export function wordsOf(values: Readonly<Record<string, number>>): readonly string[] {
  const sent = Object.values(values).filter((value) => value > 0)
  return sent.map((value) => word(values, value))
}
