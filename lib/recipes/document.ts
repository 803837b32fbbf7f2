import type { z } from 'zod'
import { byPlace, type Problem } from './problem.ts'
import { readTree, type Path, type Tree } from './tree.ts'

/** What people write in YAML: a recipe, or a source. */
export interface DocumentKind<F extends z.ZodType> {
  readonly noun: string
  readonly fields: F
  readonly mostBytes: number
  /** How one may begin. */
  readonly start: string
}

/** A document, or everything that is wrong with it. */
export type ReadDocument<F extends z.ZodType> =
  | {
      readonly fields: z.infer<F>
      readonly placeOf: (field: keyof z.infer<F> & string, message: string) => Problem
    }
  | { readonly problems: readonly [Problem, ...Problem[]] }

/** Reads a document, and finds everything that is wrong at once; `beside` is looked at whether or not the fields are right. */
export function readDocument<F extends z.ZodType>(
  text: string,
  kind: DocumentKind<F>,
  beside: (tree: Tree) => readonly Problem[] = () => [],
): ReadDocument<F> {
  const unreadable = flawOfText(text, kind)
  if (unreadable !== undefined) return { problems: [unreadable] }
  const tree = readTree(text)
  const parsed = kind.fields.safeParse(tree.value)
  const issues = parsed.error?.issues ?? []
  const found = [...issues.flatMap((issue) => problemsOf(issue, tree, kind.noun)), ...beside(tree)]
  // What was refused is not told once more as a value that is missing.
  const others = found.filter((one) => !tree.refused.some((other) => isSamePlace(one, other)))
  const all = tree.malformed.length > 0 ? tree.malformed : [...tree.refused, ...others]
  const [first, ...more] = all.toSorted(byPlace)
  if (first !== undefined) return { problems: [first, ...more] }
  if (!parsed.success) throw new Error(`a ${kind.noun} is wrong, and nothing says why`)
  return {
    fields: parsed.data,
    placeOf: (field, message) => tree.at([field], `\`${field}\` ${message}`),
  }
}

function isSamePlace(one: Problem, other: Problem): boolean {
  return one.line === other.line && one.column === other.column
}

/** What YAML does not say well of a text. */
function flawOfText(
  text: string,
  { mostBytes, start }: Pick<DocumentKind<z.ZodType>, 'mostBytes' | 'start'>,
): Problem | undefined {
  if (Buffer.byteLength(text) > mostBytes) {
    return problemAt(text, 0, `it has more than ${mostBytes / 1024} KiB`)
  }
  if (text.trim() === '') return problemAt(text, 0, `it is empty: begin with \`${start}\``)
  // eslint-disable-next-line no-control-regex -- these are what it looks for
  const control = text.search(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/)
  if (control < 0) return undefined
  return problemAt(text, control, 'there is a control character: take it out')
}

function problemAt(text: string, offset: number, message: string): Problem {
  const before = text.slice(0, offset)
  return {
    line: before.split('\n').length,
    column: offset - before.lastIndexOf('\n'),
    message,
  }
}

function problemsOf(issue: z.core.$ZodIssue, tree: Tree, noun: string): Problem[] {
  const { path, message } = issue
  if (issue.code === 'unrecognized_keys') {
    const messages = message.split('\n')
    return issue.keys.map((key, i) => tree.atKey([...path, key], messages[i] ?? message))
  }
  // What fits none of several forms is told for the one that was likely meant: the last.
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.at(-1) ?? []
    const isMap = inner.some((one) => one.path.length > 0 || one.code === 'unrecognized_keys')
    if (isMap) {
      return inner.flatMap((one) =>
        problemsOf({ ...one, path: [...path, ...one.path] }, tree, noun),
      )
    }
  }
  const name = fieldOf(path, noun)
  if (isAbsent(tree, path)) {
    return [tree.at(path, `the field ${name} is missing: it ${message}`)]
  }
  return [tree.at(path, `${name} ${message}`)]
}

function isAbsent(tree: Tree, path: Path): boolean {
  let value: unknown = tree.value
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return true
    value = (value as Record<PropertyKey, unknown>)[step]
  }
  return false
}

/** `files[2].path`; the whole of it is `the recipe`. */
function fieldOf(path: Path, noun: string): string {
  if (path.length === 0) return `the ${noun}`
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return `\`${steps.join('').replace(/^\./, '')}\``
}
