import { basename, resolve } from 'node:path'
import { Failure } from '../lib/failure.ts'
import { parseRecipeName, renderRecipeName } from '../lib/recipes/name.ts'
import { toldProblems, type Problem } from '../lib/recipes/problem.ts'
import type { Recipe } from '../lib/recipes/recipe.ts'
import type { Answer } from './command.ts'
import { readText } from './document.ts'
import { counted, plain } from './units.ts'

/** What is in the file of a recipe: a recipe, or what is wrong with it. */
export type RecipeFile =
  { readonly text: string; readonly recipe: Recipe } | { readonly problems: readonly Problem[] }

export async function readRecipeFile(folder: string, file: string): Promise<RecipeFile> {
  const text = await readText(resolve(folder, file))
  const { readRecipe } = await import('../lib/recipes/parse.ts')
  const read = readRecipe(text)
  return 'problems' in read ? read : { text, recipe: read.recipe }
}

/** Names of recipes have no dot, and names of files have one: at least that of `.yaml`, or of `./`. */
export function isFile(text: string): boolean {
  return text.includes('.')
}

/** The name that a recipe is kept under if nobody says: the file's, in the namespace of what it builds. */
export function nameOfFile(file: string, { line }: Recipe): string {
  const { name } = parseRecipeName(basename(file).replace(/\.ya?ml$/i, ''))
  return renderRecipeName({ namespace: line.namespace, name })
}

/** `recipes/debian.yaml:3:7: …`, a line each, as compilers tell it. */
export function wrongRecipe(file: string, problems: readonly Problem[]): Answer {
  const line = (at: Problem): string => `${file}:${at.line}:${at.column}: ${plain(at.message)}`
  return {
    json: { file, problems },
    text: () => [...problems.map(line), `${counted(problems.length, 'problem')}.`].join('\n'),
    exit: 1,
  }
}

/** What the portal found wrong with a recipe, which knows more than its file; any other error is thrown on. */
export function foundByPortal(file: string, error: unknown): Answer {
  if (error instanceof Failure && error.reason === 'INVALID_RECIPE') {
    return wrongRecipe(file, toldProblems(error))
  }
  throw error
}
