import type { Channel } from '../lib/rpc/connect.ts'
import type { Meter } from './progress.ts'

/** Colours a text, or leaves it as it is where colours have no place. */
export type Paint = (
  colour: 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan',
  text: string,
) => string

/** What a command has to work with. */
export interface Context {
  /** To the portal, or to the facility's agent. */
  readonly channel: Channel
  /** Aborted when the person gives up. */
  readonly signal: AbortSignal
  /** Says something beside the result: a plain sentence on stderr, for people only. */
  readonly note: (text: string) => void
  /** Writes a line of the result as it comes, for people only: what a script reads is one document. */
  readonly print: (line: string) => void
  /** Writes bytes of the result, for commands whose result is a file on standard output. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  /** Shows how long work goes. */
  readonly meter: () => Meter
  /** A new request id. */
  readonly newId: () => string
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  /** What day and time it is. */
  readonly today: () => Date
  /** The folder that relative paths start from. */
  readonly folder: string
  /** Where the tools keep what they should remember of this user. */
  readonly settingsFolder: string
}

/** What a command found out: one document for scripts, and the same for people. */
export interface Answer {
  readonly json: unknown
  readonly text: (paint: Paint) => string
  /** The exit code, where what was found out is bad news; 3 where somebody stopped what was waited for. */
  readonly exit?: 1 | 3
  /** Whether it goes to standard error, because the result itself went to standard output. */
  readonly aside?: boolean
}

/** An option: a switch, or, where it names what its value is, an option with that value. */
export interface Flag {
  readonly value?: string
  readonly about: string
  readonly required?: true
  readonly choices?: readonly string[]
}

export type Flags = Readonly<Record<string, Flag>>
export type FlagValues = Readonly<Record<string, string | boolean>>

/** A command, as data. */
export interface Command {
  readonly verb: string
  /** The noun it works on; a verb without one, and one on images, can be written alone. */
  readonly object?: string
  /** Whether the object is always written, for the verb alone is another command. */
  readonly isSpelled?: true
  readonly summary: string
  /** `IMAGE` is needed; the last may be `IMAGE...`, one or more, `[IMAGE]...`, any number, or `[FILE]`, which can be left out. */
  readonly arguments: readonly string[]
  readonly flags: Flags
  /** More about it, for its help. */
  readonly about?: string
  readonly examples: readonly string[]
  run(context: Context, args: readonly string[], flags: FlagValues): Promise<Answer>
}

type Arguments<A extends readonly string[]> = A extends readonly [
  infer First,
  ...infer Rest extends readonly string[],
]
  ? First extends `[${string}]...`
    ? readonly string[]
    : First extends `${string}...`
      ? readonly [string, ...string[]]
      : First extends `[${string}]`
        ? readonly [string?]
        : readonly [string, ...Arguments<Rest>]
  : readonly []

type Values<F extends Flags> = {
  readonly [K in keyof F as F[K] extends { required: true } ? K : never]: string
} & {
  readonly [K in keyof F as F[K] extends { required: true } ? never : K]?: F[K] extends {
    value: string
  }
    ? string
    : boolean
}

interface Spec<A extends readonly string[], F extends Flags> extends Omit<Command, 'run'> {
  readonly arguments: A
  readonly flags: F
  run(context: Context, args: Arguments<A>, flags: Values<F>): Promise<Answer>
}

/** A command whose run is typed by its arguments and flags; dispatch checks both before it runs. */
export function command<const A extends readonly string[], const F extends Flags>(
  spec: Spec<A, F>,
): Command {
  return spec
}
