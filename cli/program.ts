import type { ReasonName } from '../lib/failure.ts'
import type { Command, Flags } from './command.ts'

/** One of the tools: its commands, and the server that they talk to. */
export interface Program {
  readonly name: string
  readonly about: string
  readonly server: {
    /** The flag that says where it is. */
    readonly flag: string
    readonly value: string
    readonly about: string
    /** The variable of the environment that says so where no flag does. */
    readonly variable: string
    readonly fallback: string
    readonly address: (value: string) => string
  }
  readonly commands: readonly Command[]
  /** What to do about failures that mean something else here than elsewhere. */
  readonly hints: Readonly<Partial<Record<ReasonName, string>>>
}

export const callerVariable = 'MERGE_DEV_CALLER'

/** The options of every command. */
export function commonFlags({ server }: Program): Flags {
  const { flag, value, about, variable, fallback } = server
  return {
    [flag]: { value, about: `${about} (${variable}; ${fallback})` },
    caller: {
      value: 'WHO',
      about: `who calls, in the development mode (${callerVariable}; admin)`,
    },
    json: { about: 'print one JSON document, and errors as JSON' },
    help: { about: 'explain the tool or a command' },
  }
}
