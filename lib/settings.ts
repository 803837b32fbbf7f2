import { parseArgs } from 'node:util'
import type { ZodType } from 'zod'
import { invalid } from './failure.ts'

/** One setting of a program: a flag, and a variable of the environment for those who prefer that. */
export interface Setting<T> {
  /** What it means, for `--help`. */
  readonly about: string
  /** What its value looks like in `--help`; a setting without one is a switch. */
  readonly value?: string
  /** Reads the text; `undefined` where it was not given. */
  readonly schema: ZodType<T, string | undefined>
}

export type Settings = Readonly<Record<string, Setting<unknown>>>

/** The values of settings. */
export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never
}

/**
 * Reads the settings from flags (`--data-dir`), then from the environment (PREFIX_DATA_DIR). Every problem is told in one
 * failure.
 */
export function readSettings<S extends Settings>(
  settings: S,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
): Values<S> {
  const flags = readFlags(settings, args)
  const problems: string[] = []
  const values = Object.entries(settings).map(([name, { schema }]) => {
    const variable = `${prefix}_${flagOf(name).toUpperCase().replaceAll('-', '_')}`
    const parsed = schema.safeParse(flags[flagOf(name)] ?? environment[variable])
    if (parsed.success) return [name, parsed.data] as const
    const why = parsed.error.issues.map(({ message }) => message).join(', ')
    problems.push(`--${flagOf(name)} (or ${variable}): ${why}`)
    return [name, undefined] as const
  })
  if (problems.length === 0) return Object.fromEntries(values) as Values<S>
  throw invalid('INVALID_FIELD', `The settings are wrong:\n  ${problems.join('\n  ')}`)
}

/** The settings as lines of `--help`. */
export function describeSettings(settings: Settings): string {
  const rows = Object.entries(settings).map(([name, { about, value }]) => {
    const flag = `--${flagOf(name)}${value === undefined ? '' : ` ${value}`}`
    return `  ${flag.padEnd(28)} ${about}`
  })
  return rows.join('\n')
}

function readFlags(settings: Settings, args: readonly string[]): Record<string, string> {
  const options = Object.fromEntries(
    Object.entries(settings).map(([name, { value }]) => [
      flagOf(name),
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  )
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true })
    return Object.fromEntries(Object.entries(values).map(([flag, value]) => [flag, String(value)]))
  } catch (error) {
    throw invalid('INVALID_FIELD', error instanceof Error ? error.message : String(error))
  }
}

function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
