import { invalid, type Failure } from '../failure.ts'

/** Something that is wrong in a recipe or a source, and where. */
export interface Problem {
  /** Both count from 1. */
  readonly line: number
  readonly column: number
  /** What is wrong and what to do, in a sentence that names the field. */
  readonly message: string
}

/** As many as people read, and as fit into a failure. */
const mostTold = 12

/** The problems of a recipe as one failure, in the order of the text. */
export function invalidRecipe(problems: readonly Problem[]): Failure {
  return refused('INVALID_RECIPE', 'recipe', problems)
}

/** The same of a source. */
export function invalidSource(problems: readonly Problem[]): Failure {
  return refused('INVALID_SOURCE', 'source', problems)
}

function refused(
  reason: 'INVALID_RECIPE' | 'INVALID_SOURCE',
  noun: string,
  problems: readonly Problem[],
): Failure {
  const ordered = problems.toSorted(byPlace)
  const told = ordered.slice(0, mostTold).map(renderProblem)
  const more = ordered.length - told.length
  const lines = more > 0 ? [...told, `and ${more} more`] : told
  const [first] = ordered
  return invalid(reason, `The ${noun} cannot be used:\n  ${lines.join('\n  ')}`, {
    line: String(first?.line ?? 1),
    column: String(first?.column ?? 1),
    count: String(ordered.length),
  })
}

export function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column
}

/** `line 3, column 7: …` */
export function renderProblem({ line, column, message }: Problem): string {
  return `line ${line}, column ${column}: ${message}`
}

/** The problems that such a failure tells, for whoever shows them in a way of its own. */
export function toldProblems({ message }: Failure): readonly Problem[] {
  const told = message.matchAll(/^ *line (\d+), column (\d+): (.*)$/gm)
  return Array.from(told, ([, line, column, text = '']) => {
    return { line: Number(line), column: Number(column), message: text }
  })
}
