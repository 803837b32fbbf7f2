import { invalid } from '../failure.ts'

/** A pattern over the names of items: what stands for itself, `{field}` and `*`. */
export type Pattern = readonly Piece[]

/** What a pattern or a template is made of. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  /** At least one character, and none of `/` and `:`. */
  | { readonly kind: 'field'; readonly field: string }
  /** Any characters but `/` and `:`, or none. */
  | { readonly kind: 'any' }

/** What a pattern took from a name. */
export type Taken = Readonly<Record<string, string>>

const mostFields = 8

/** Reads a pattern; what is wrong with it is a text. */
export function readPattern(text: string): Pattern | string {
  const pieces = piecesOf(text, true)
  if (typeof pieces === 'string') return pieces
  const free = pieces.filter(({ kind }) => kind !== 'text')
  if (free.length > mostFields)
    return `has ${free.length} fields and stars, and may have ${mostFields}`
  const twice = repeated(fieldsOf(pieces))
  if (twice !== undefined) return `has {${twice}} twice: give the second another name, or write *`
  const joined = pieces.some((piece, i) => piece.kind !== 'text' && isFree(pieces[i + 1]))
  return joined ? 'needs something between two fields, by which they are told apart' : pieces
}

function isFree(piece: Piece | undefined): boolean {
  return piece !== undefined && piece.kind !== 'text'
}

function repeated(words: readonly string[]): string | undefined {
  return words.find((word, i) => words.indexOf(word) < i)
}

/** Reads a template, which has fields and no stars; what is wrong with it is a text. */
export function readTemplate(text: string): Pattern | string {
  return piecesOf(text, false)
}

export function fieldsOf(pieces: Pattern): readonly string[] {
  return pieces.flatMap((piece) => (piece.kind === 'field' ? [piece.field] : []))
}

const token = /\{([a-z][a-z0-9_]{0,31})\}|(\*)|([^{}*]+)|(.)/gsu

function piecesOf(text: string, stars: boolean): Pattern | string {
  const pieces: Piece[] = []
  for (const [all, field, star, plain] of text.matchAll(token)) {
    if (field !== undefined) pieces.push({ kind: 'field', field })
    else if (star !== undefined && stars) pieces.push({ kind: 'any' })
    else if (plain !== undefined) pieces.push({ kind: 'text', text: plain })
    else if (star !== undefined) return 'has a star: write a field in braces, such as {release}'
    else return `has "${all}" that is no field: write one as {release}, in small letters`
  }
  return pieces
}

/** How many ways a name is tried; who writes names does not choose how long that takes. */
export const mostSteps = 5_000

/** What the fields of a pattern are in a name, each as short as can be; undefined where the name does not fit. */
export function match(
  pattern: Pattern,
  name: string,
  steps = { left: mostSteps },
): Taken | undefined {
  const from = (index: number, at: number): Taken | undefined => {
    if (--steps.left < 0) {
      throw invalid('INVALID_FIELD', 'its name fits the pattern in too many ways to tell')
    }
    const piece = pattern[index]
    if (piece === undefined) return at === name.length ? {} : undefined
    if (piece.kind === 'text') {
      return name.startsWith(piece.text, at) ? from(index + 1, at + piece.text.length) : undefined
    }
    for (let end = piece.kind === 'field' ? at + 1 : at; end <= name.length; end++) {
      const taken = name.slice(at, end)
      if (/[/:]$/.test(taken)) return undefined
      const rest = from(index + 1, end)
      if (rest !== undefined)
        return piece.kind === 'field' ? { [piece.field]: taken, ...rest } : rest
    }
    return undefined
  }
  return from(0, 0)
}

/** The template with its fields filled in, or the first field that has no value. */
export function expand(
  template: Pattern,
  values: Taken,
): { readonly text: string } | { readonly absent: string } {
  const absent = fieldsOf(template).find((field) => !Object.hasOwn(values, field))
  if (absent !== undefined) return { absent }
  const text = template.map((piece) => {
    if (piece.kind === 'any') return '*'
    return piece.kind === 'text' ? piece.text : values[piece.field]
  })
  return { text: text.join('') }
}

/** The pattern with those of its fields as text that have a value. */
export function fillIn(pattern: Pattern, values: Taken): Pattern {
  return pattern.map((piece) => {
    const value = piece.kind === 'field' ? values[piece.field] : undefined
    return value === undefined ? piece : { kind: 'text', text: value }
  })
}

/** A template as it was written. */
export function renderTemplate(template: Pattern): string {
  return template
    .map((piece) => {
      if (piece.kind === 'any') return '*'
      return piece.kind === 'text' ? piece.text : `{${piece.field}}`
    })
    .join('')
}
