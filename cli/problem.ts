import { Failure } from '../lib/failure.ts'
import { hintFor } from './hints.ts'
import { json } from './json.ts'
import type { Program } from './program.ts'
import { plain } from './units.ts'
import { UsageError } from './usage.ts'

/** How a command that went wrong ends. */
export interface Problem {
  readonly exit: number
  /** For stderr. */
  readonly text: string
}

/** What to say about an error, and the exit code that goes with it; only a defect shows its stack. */
export function problem(program: Program, error: unknown, asJson: boolean): Problem {
  const { exit, reason, message, metadata, hint } = told(program, error)
  if (asJson) return { exit, text: json({ error: { reason, message, metadata } }) }
  const next = hint === undefined ? '' : `\n${hint}`
  return { exit, text: `${program.name}: ${message}${next}` }
}

interface Told {
  readonly exit: number
  readonly reason: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
  readonly hint: string | undefined
}

function told(program: Program, error: unknown): Told {
  if (error instanceof UsageError) {
    const hint = `Try \`${error.help}\`.`
    return { exit: 2, reason: 'USAGE', message: error.message, metadata: {}, hint }
  }
  if (error instanceof Failure) {
    const { reason, facts } = error
    const message = plain(error.message)
    return { exit: 1, reason, message, metadata: facts, hint: hintFor(program, error) }
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const hint = 'This is a defect of the tool: please report it.'
  return { exit: 70, reason: 'INTERNAL', message: stack, metadata: {}, hint }
}
