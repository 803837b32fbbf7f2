import { Failure, type ReasonName } from '../../../lib/failure.ts'
import { archWords, type Catalogue } from '../../../lib/names/catalogue.ts'
import { fieldNames } from '../../../lib/names/fields.ts'
import { renderImageName } from '../../../lib/names/name.ts'
import { parseReference, type Words } from '../../../lib/names/reference.ts'

/** The reasons for which a text is no reference, whatever images there are. */
const documented: ReadonlySet<ReasonName> = new Set([
  ...(['EMPTY', 'INVALID_NAME', 'INVALID_DATE', 'UNKNOWN_DISTRO', 'UNKNOWN_RELEASE'] as const),
  ...(['UNKNOWN_TOKEN', 'DUPLICATE_FIELD', 'AMBIGUOUS'] as const),
])

/** Everything that can become of a text but an alias, which the words of these texts never make. */
export const everyEnd = [...documented, 'exact', 'partial', 'constraint'].sort()

// Taken out once: the test runner makes globals slow.
const { floor, imul } = Math
const { fromCharCode } = String

/** Numbers from 0 up to a limit, the same ones for the same seed. */
export type Chance = (limit: number) => number

export function chance(seed: number): Chance {
  let state = seed
  return (limit) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let mixed = imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit)
  }
}

/** Texts such as people, programs and accidents make: bytes, any characters, words of the catalogue in any arrangement. */
export function babble(catalogue: Catalogue, next: Chance): () => string {
  const words = vocabulary(catalogue)
  const one = <T>(items: readonly [T, ...T[]]): T => items[next(items.length)] ?? items[0]
  const many = (most: number, make: () => string, between: () => string): string => {
    let text = make()
    for (let left = next(most); left > 0; left--) text += between() + make()
    return text
  }
  const word = (): string => (next(4) === 0 ? digits(next) : one(words))
  const dash = (): string => one(['-', '-', '-', '-', ':'])
  const glue = (): string => one(['-', '-', '', '.', ':', ',', ' ', '/', '@', '=', '>=', '!='])
  const [starts, roles] = [firstWords(catalogue), catalogue.roles]
  const name = (): string => `${one(starts)}${next(8) === 0 ? '' : '-'}${many(5, word, dash)}`
  const exact = (): string => {
    const point = `${one(starts)}-${next(100)}.${next(12)}`
    const line = `${point}-${roles[next(5)] ?? 'std'}-${archWords[next(8)] ?? 'x86'}`
    return `${line}-2026${two(1 + next(12))}${two(1 + next(31))}`
  }
  const clause = (): string =>
    next(3) === 0
      ? `${one(['', '', '>= ', '!= ', '< '])}${name()}`
      : `${one(fieldNames)} ${one(['=', '!=', '>=', '<', '=='])} ${word()}`
  const arbitrary = (limit: number) => (): string => fromCharCode(next(limit))
  const kinds: readonly [() => string, ...(() => string)[]] = [
    ...[name, exact, () => many(8, word, glue), () => many(4, clause, () => ', ')],
    ...[() => `lab1/${name()}`, () => `${exact()}.${next(20)}@sha256:${'ab'.repeat(32)}`],
    ...[() => many(24, arbitrary(128), String), () => many(24, arbitrary(0x10000), String)],
    () => mangled(name(), next),
  ] as [() => string]
  return () => one(kinds)()
}

function firstWords({ distros }: Catalogue): readonly [string, ...string[]] {
  return [
    'kali',
    ...distros.flatMap(({ id, short }) => [id, ...short]),
    'lab1/debian',
    'kali-202512',
  ]
}

function vocabulary({ distros, roles }: Catalogue): readonly [string, ...string[]] {
  const ofDistros = distros.flatMap(({ id, short, releases }) => [
    ...[id, ...short],
    ...releases.flatMap(({ release, official, codename }) => [
      ...[release, official, codename ?? release, `${release}.4`, `${id}${release}`, `${release}4`],
    ]),
  ])
  const builds = ['20260310', '20260310.9', '02042025', '202512', '20261301', '202613']
  return ['ubuntu', ...ofDistros, ...roles, ...archWords, ...builds, 'mytools', 'Hyperivisor']
}

function digits(next: Chance): string {
  let text = ''
  for (let left = 1 + next(9); left > 0; left--) text += `${next(10)}`
  return text
}

/** With one character taken out, doubled or replaced. */
function mangled(text: string, next: Chance): string {
  const at = next(text.length)
  const middle = ['', text.charAt(at).repeat(2), fromCharCode(next(256))][next(3)] ?? ''
  return text.slice(0, at) + middle + text.slice(at + 1)
}

function two(count: number): string {
  return String(count).padStart(2, '0')
}

/**
 * Reads many texts and counts what became of them: the kinds of reference, and the reasons why there was none. Throws what
 * is no documented Failure, and says which text it was.
 */
export function readMany(count: number, words: Words, seed: number): ReadonlyMap<string, number> {
  const text = babble(words.catalogue, chance(seed))
  const ends = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const end = readOne(text(), words)
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  return ends
}

function readOne(text: string, words: Words): string {
  try {
    const reference = parseReference(text, words)
    if (reference.kind !== 'exact') return reference.kind
    const [name] = text.trim().toLowerCase().split('@')
    if (renderImageName(reference.name) === name) return 'exact'
    throw new Error('it is not rendered as it was written')
  } catch (error) {
    const isDocumented = error instanceof Failure && documented.has(error.reason)
    if (isDocumented && /^[ -~…]{10,}$/.test(error.message)) return error.reason
    throw new Error(`${JSON.stringify(text)}: ${String(error)}`, { cause: error })
  }
}
