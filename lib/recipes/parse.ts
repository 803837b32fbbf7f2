import type { z } from 'zod'
import { readLine } from '../names/line.ts'
import { recipeFields, type FieldName, type RecipeFields } from './fields.ts'
import { misfits } from './fitting.ts'
import { byPlace, invalidRecipe, type Problem } from './problem.ts'
import {
  maxRecipeBytes,
  type BuilderName,
  type Checks,
  type Recipe,
  type Schedule,
} from './recipe.ts'
import { readTree, type Path, type Tree } from './tree.ts'

/** A recipe, or everything that is wrong with it. */
export type Read =
  | { readonly recipe: Recipe; readonly placeOf: (field: FieldName, message: string) => Problem }
  | { readonly problems: readonly [Problem, ...Problem[]] }

/** Reads a recipe, or throws INVALID_RECIPE with what is wrong on which line. */
export function parseRecipe(text: string): Recipe {
  const read = readRecipe(text)
  if ('problems' in read) throw invalidRecipe(read.problems)
  return read.recipe
}

/** Reads a recipe, and finds everything that is wrong at once. */
export function readRecipe(text: string): Read {
  const unreadable = flawOfText(text)
  if (unreadable !== undefined) return { problems: [unreadable] }
  const tree = readTree(text)
  const parsed = recipeFields.safeParse(tree.value)
  const issues = parsed.error?.issues ?? []
  const found = [...issues.flatMap((issue) => problemsOf(issue, tree)), ...unfitting(tree)]
  // What was refused is not told once more as a value that is missing.
  const others = found.filter((one) => !tree.refused.some((other) => isSamePlace(one, other)))
  const all = tree.malformed.length > 0 ? tree.malformed : [...tree.refused, ...others]
  const [first, ...more] = all.toSorted(byPlace)
  if (first !== undefined) return { problems: [first, ...more] }
  if (!parsed.success) throw new Error('a recipe is wrong, and nothing says why')
  const placeOf = (field: FieldName, message: string): Problem =>
    tree.at([field], `\`${field}\` ${message}`)
  return { recipe: toRecipe(parsed.data), placeOf }
}

function isSamePlace(one: Problem, other: Problem): boolean {
  return one.line === other.line && one.column === other.column
}

/** What YAML does not say well of a text. */
function flawOfText(text: string): Problem | undefined {
  if (Buffer.byteLength(text) > maxRecipeBytes) {
    return problemAt(text, 0, `it has more than ${maxRecipeBytes / 1024} KiB`)
  }
  if (text.trim() === '')
    return problemAt(text, 0, 'it is empty: begin with `line: debian-13-std-x86`')
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

function problemsOf(issue: z.core.$ZodIssue, tree: Tree): Problem[] {
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
      return inner.flatMap((one) => problemsOf({ ...one, path: [...path, ...one.path] }, tree))
    }
  }
  const name = fieldOf(path)
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
function fieldOf(path: Path): string {
  if (path.length === 0) return 'the recipe'
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return `\`${steps.join('').replace(/^\./, '')}\``
}

const builders: readonly string[] = ['mmdebstrap', 'dnf', 'command'] satisfies BuilderName[]

/** Looked at beside the schema, which says nothing of a recipe as a whole while one of its fields is wrong. */
function unfitting(tree: Tree): Problem[] {
  const { value } = tree
  if (typeof value === 'string' || Array.isArray(value)) return []
  const given = value as Readonly<Record<string, unknown>>
  const { builder } = given
  if (typeof builder !== 'string' || !builders.includes(builder)) return []
  return misfits(builder as BuilderName, new Set(Object.keys(given))).map(
    ({ field, kind, message }) =>
      kind === 'needless' ? tree.atKey([field], message) : tree.at(['builder'], message),
  )
}

function toRecipe(given: RecipeFields): Recipe {
  const { line, point } = splitLine(given.line)
  const { boot, files, notes, release, parent, limits } = given
  const common = {
    ...{ line, point, boot, files, notes, release, parent },
    sizeBytes: given.size,
    schedule: toSchedule(given.schedule),
    checks: toChecks(given.checks),
    limits: {
      timeMs: limits.time,
      diskBytes: limits.disk,
      logBytes: limits.log,
      attempts: limits.attempts,
    },
  }
  const { builder, keyring, packages, scripts: named, suites = [], repositories = [] } = given
  const scripts = named.map(({ name, run }, i) => ({ name: name || `script ${i + 1}`, run }))
  switch (builder) {
    case 'mmdebstrap': {
      const { components, mirrors, variant } = given
      const own = { suites, components, mirrors, variant, keyring, packages, scripts }
      return { ...common, builder, ...own }
    }
    case 'dnf':
      return { ...common, builder, repositories, keyring, packages, scripts }
    case 'command':
      return { ...common, builder, command: given.command ?? '' }
  }
}

function splitLine(text: string): Pick<Recipe, 'line' | 'point'> {
  const [, point = '0'] = /^[^.]*-[0-9]+\.([0-9]+)-/.exec(text) ?? []
  const line = readLine(text.replace(/^([^.]*-[0-9]+)\.[0-9]+-/, '$1-'))
  if (line === undefined) throw new Error(`"${text}" has the shape of a line and is none`)
  return { line, point: Number(point) }
}

function toSchedule(given: RecipeFields['schedule']): Schedule | undefined {
  if (given === undefined) return undefined
  const { cron, time_zone: timeZone, pause_after: pauseAfter, unchanged } = given
  return { cron: cron.trim().split(/\s+/).join(' '), timeZone, pauseAfter, unchanged }
}

function toChecks({ boot, ...others }: RecipeFields['checks']): Checks {
  if (boot === 'off') return { ...others, boot: undefined }
  return { ...others, boot: { marker: boot.marker, withinMs: boot.within } }
}
