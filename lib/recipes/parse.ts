import { readLine } from '../names/line.ts'
import { recipeFields, type FieldName, type RecipeFields } from './fields.ts'
import { misfits } from './fitting.ts'
import { readDocument } from './document.ts'
import { invalidRecipe, type Problem } from './problem.ts'
import {
  maxRecipeBytes,
  type BuilderName,
  type Checks,
  type Recipe,
  type Schedule,
} from './recipe.ts'
import type { Tree } from './tree.ts'

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
  const read = readDocument(text, recipeKind, unfitting)
  if ('problems' in read) return read
  return { recipe: toRecipe(read.fields), placeOf: read.placeOf }
}

const recipeKind = {
  noun: 'recipe',
  fields: recipeFields,
  mostBytes: maxRecipeBytes,
  start: 'line: debian-13-std-x86',
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
  const { boot, files, notes, labels, release, parent, limits } = given
  const common = {
    ...{ line, point, boot, files, notes, labels, release, parent },
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
