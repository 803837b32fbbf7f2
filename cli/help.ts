import type { Command, Flags } from './command.ts'
import { commonFlags, type Program } from './program.ts'
import { isImage } from './words.ts'

/** What a tool is, and its commands. */
export function programHelp(program: Program): string {
  const { name, about, commands } = program
  return [
    `${name}: ${about}`,
    `\nUsage: ${name} <verb> [object] [arguments] [options]`,
    `\nCommands:`,
    columns(commands.map((command) => [phrase(command), command.summary])),
    `\nOptions of every command:`,
    flagLines(commonFlags(program)),
    '\nAn object left out means image. Verbs and objects can be cut short, as in `list fac`.',
    `\`${name} <verb> --help\` says more, with examples.`,
  ].join('\n')
}

/** One command, in full. */
export function commandHelp(program: Program, command: Command): string {
  const { summary, about, flags, examples } = command
  const own = Object.keys(flags).length > 0 ? [`\nOptions:`, flagLines(flags)] : []
  const more = about === undefined ? [] : [`\n${about}`]
  return [
    `Usage: ${usageOf(program, command)}`,
    `\n${sentence(summary)}`,
    ...more,
    ...own,
    `\nOptions of every command:`,
    flagLines(commonFlags(program)),
    `\nExamples:`,
    ...examples.map((example) => `  ${program.name} ${example}`),
  ].join('\n')
}

/** `mrg-image publish FILE --as TARGET [options]` */
export function usageOf(program: Program, command: Command): string {
  const flags = Object.entries(command.flags)
  const required = flags.flatMap(([name, { value = '', required }]) =>
    required ? [`--${name} ${value}`] : [],
  )
  const more = flags.length > required.length ? ['[options]'] : []
  return [program.name, phrase(command), ...required, ...more].join(' ')
}

/** `list aliases`; images need no object. */
export function nameOf({ verb, object, isSpelled }: Command): string {
  return object === undefined || (isImage(object) && isSpelled !== true)
    ? verb
    : `${verb} ${object}`
}

function phrase(command: Command): string {
  const noun = command.object === 'images' ? ['[images]'] : []
  return [nameOf(command), ...noun, ...command.arguments].join(' ')
}

function flagLines(flags: Flags): string {
  const entries = Object.entries(flags)
  return columns(
    entries.map(([name, { value, about, choices }]) => [
      value === undefined ? `--${name}` : `--${name} ${value}`,
      choices === undefined ? about : `${about}: ${choices.join(', ')}`,
    ]),
  )
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
