import { Failure } from '../../lib/failure.ts'
import type { Catalogue } from '../../lib/names/catalogue.ts'
import { parseTarget, renderTarget } from '../../lib/names/target.ts'
import { readRecipe } from '../../lib/recipes/parse.ts'
import { invalidRecipe } from '../../lib/recipes/problem.ts'
import type { Recipe, RecipeName } from '../../lib/recipes/recipe.ts'

/** A recipe, and what it builds. */
export interface ReadRecipe {
  readonly recipe: Recipe
  /** `debian-13.0-std-x86` */
  readonly target: string
}

/** Reads a recipe that is to be kept under a name, or throws INVALID_RECIPE: its line has to be one of this catalogue. */
export function readFor(text: string, { namespace }: RecipeName, catalogue: Catalogue): ReadRecipe {
  const read = readRecipe(text)
  if ('problems' in read) throw invalidRecipe(read.problems)
  const { recipe, placeOf } = read
  const target = renderTarget(recipe.line, recipe.point)
  const flaw = flawOfLine(recipe, target, namespace, catalogue)
  if (flaw !== undefined) throw invalidRecipe([placeOf('line', flaw)])
  return { recipe, target }
}

function flawOfLine(
  { line }: Recipe,
  target: string,
  namespace: string,
  catalogue: Catalogue,
): string | undefined {
  if (line.namespace !== namespace) {
    const [whose, wanted] = [line.namespace, namespace].map((owner) => owner || 'the portal')
    return `belongs to ${whose ?? ''}, and the recipe's name to ${wanted ?? ''}: make them one`
  }
  try {
    parseTarget(target, catalogue)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return `cannot be built: ${error.message}`
    throw error
  }
}
