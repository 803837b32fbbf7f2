import { parseArgs } from 'node:util'
import type { Command, Flag, Flags, FlagValues } from './command.ts'
import { nameOf, usageOf } from './help.ts'
import { commonFlags, type Program } from './program.ts'
import { UsageError } from './usage.ts'
import { unknown } from './words.ts'

/** A command line, taken apart. */
export interface Line {
  readonly words: readonly string[]
  readonly flags: FlagValues
}

/** Reads words and options, which may stand anywhere; which command they belong to is not known yet. */
export function readLine(program: Program, argv: readonly string[]): Line {
  const known = Object.assign(
    {},
    ...program.commands.map(({ flags }) => flags),
    commonFlags(program),
  ) as Flags
  const options = Object.entries(known).map(([name, { value }]) => [
    name,
    { type: value === undefined ? 'boolean' : 'string', ...(name === 'help' && { short: 'h' }) },
  ])
  const { tokens } = parseArgs({
    args: argv,
    options: Object.fromEntries(options) as Record<string, { type: 'string' }>,
    strict: false,
    tokens: true,
  })
  const first = tokens.find((token) => token.kind === 'positional')
  const help = [program.name, first?.value ?? '', '--help'].filter((part) => part !== '').join(' ')
  const words: string[] = []
  const flags: Record<string, string | boolean> = {}
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName } = token
    const flag = Object.hasOwn(known, name) ? known[name] : undefined
    if (flag === undefined) throw noSuchFlag(help, rawName, Object.keys(known))
    flags[name] = valueOf(help, rawName, flag, token)
  }
  return { words, flags }
}

function valueOf(
  help: string,
  rawName: string,
  flag: Flag,
  { value, inlineValue }: { value?: string | undefined; inlineValue?: boolean | undefined },
): string | boolean {
  if (flag.value === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`, help)
    return true
  }
  const swallowed = inlineValue === false && value?.startsWith('--') === true
  if (value === undefined || value === '' || swallowed) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${flag.value}`, help)
  }
  return value
}

/** Whether the options are this command's, and all that it needs. */
export function checkFlags(program: Program, command: Command, { flags }: Line): void {
  const help = `${program.name} ${nameOf(command)} --help`
  const known = { ...command.flags, ...commonFlags(program) }
  const foreign = Object.keys(flags).find((flag) => !Object.hasOwn(known, flag))
  if (foreign !== undefined) throw noSuchFlag(help, `--${foreign}`, Object.keys(known))
  for (const [flag, { value = '', required, choices }] of Object.entries(command.flags)) {
    const given = flags[flag]
    if (typeof given === 'string' && choices?.includes(given) === false) {
      throw new UsageError(unknown(flag, given, choices), help)
    }
    if (required && !Object.hasOwn(flags, flag)) {
      throw new UsageError(`--${flag} ${value} is missing: ${usageOf(program, command)}`, help)
    }
  }
}

function noSuchFlag(help: string, flag: string, known: readonly string[]): UsageError {
  const options = known.map((option) => `--${option}`)
  return new UsageError(unknown('option', flag, options), help)
}
