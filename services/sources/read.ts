import { Failure } from '../../lib/failure.ts'
import type { Catalogue } from '../../lib/names/catalogue.ts'
import { parseTarget } from '../../lib/names/target.ts'
import { invalidSource } from '../../lib/recipes/problem.ts'
import type { RecipeName } from '../../lib/recipes/recipe.ts'
import { readSource } from '../../lib/sources/parse.ts'
import { expand, renderTemplate } from '../../lib/sources/pattern.ts'
import type { Source } from '../../lib/sources/source.ts'

/** A source, and its line as it is written in full. */
export interface ReadFor {
  readonly source: Source
  readonly line: string
}

/** Reads a source that is to be kept under a name, or throws INVALID_SOURCE: its lines have to be of that namespace. */
export function readFor(text: string, { namespace }: RecipeName, catalogue: Catalogue): ReadFor {
  const read = readSource(text)
  if ('problems' in read) throw invalidSource(read.problems)
  const { source, placeOf } = read
  const line = renderTemplate(source.line)
  const flaw = flawOfLine(source, namespace, catalogue)
  if (flaw !== undefined) throw invalidSource([placeOf('line', flaw)])
  return { source, line: namespace === '' ? line : `${namespace}/${line}` }
}

function flawOfLine(source: Source, namespace: string, catalogue: Catalogue): string | undefined {
  if (source.namespace !== namespace) {
    const [whose, wanted] = [source.namespace, namespace].map((owner) => owner || 'the portal')
    return `belongs to ${whose ?? ''}, and the source's name to ${wanted ?? ''}: make them one`
  }
  const whole = expand(source.line, {})
  if (!('text' in whole)) return undefined
  try {
    parseTarget(namespace === '' ? whole.text : `${namespace}/${whole.text}`, catalogue)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return `cannot be imported: ${error.message}`
    throw error
  }
}
