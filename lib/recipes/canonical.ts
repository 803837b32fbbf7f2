import { sha256, type Digest } from '../content/digest.ts'
import type { Recipe } from './recipe.ts'

/** The digest of what a recipe says: comments, layout, order of fields and defaults that are written out do not count. */
export function recipeDigest(recipe: Recipe): Digest {
  return sha256(Buffer.from(canonicalRecipe(recipe)))
}

/** What a recipe says, in one form: JSON with the names of fields in order, and without those that say nothing. */
export function canonicalRecipe(recipe: Recipe): string {
  return JSON.stringify(inOrder(recipe))
}

/** What of a recipe shapes the image: not when it is built, how far it may go, or what becomes of it. */
export function shapeOf(recipe: Recipe): string {
  const {
    schedule: _s,
    notes: _n,
    labels: _a,
    release: _r,
    checks: _c,
    limits: _l,
    ...shape
  } = recipe
  return JSON.stringify(inOrder(shape))
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(
    fields.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, inOrder(field)]),
  )
}
