import { invalid } from '../failure.ts'
import { parseFacilityName, shown } from '../names/name.ts'
import type { RecipeName } from './recipe.ts'

/** Reads the name of a recipe, `[facility/]name`. */
export function parseRecipeName(text: string): RecipeName {
  const [, owner, name] = /^(?:([^/]*)\/)?([a-z][a-z0-9-]{0,62})$/.exec(text) ?? []
  if (name === undefined) {
    throw invalid(
      'INVALID_NAME',
      `"${shown(text)}" is no name of a recipe: write at most 63 small letters, digits and dashes, a letter first, as in debian-13-std or lab1/mytools`,
    )
  }
  return { namespace: owner === undefined ? '' : parseFacilityName(owner), name }
}

export function renderRecipeName({ namespace, name }: RecipeName): string {
  return namespace === '' ? name : `${namespace}/${name}`
}
