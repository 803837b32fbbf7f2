import type { Command, FlagValues } from './command.ts'
import { checkFlags, readLine } from './line.ts'
import { commandHelp, nameOf, programHelp, usageOf } from './help.ts'
import type { Program } from './program.ts'
import { UsageError } from './usage.ts'
import { ambiguous, isImage, pick, unknown, type Pick } from './words.ts'

/** What a command line asks for. */
export type Asked =
  | { readonly kind: 'help'; readonly text: string }
  | {
      readonly kind: 'run'
      readonly command: Command
      readonly args: readonly string[]
      readonly flags: FlagValues
    }

/** Reads a command line: `<verb> [object] [args]` with options anywhere. */
export function dispatch(program: Program, argv: readonly string[]): Asked {
  const line = readLine(program, argv)
  const [first, ...rest] = line.words
  const help = line.flags['help'] === true || first === 'help'
  const words = first === 'help' ? rest : line.words
  if (words.length === 0) return { kind: 'help', text: programHelp(program) }
  const { candidates, args } = find(program, words)
  if (help) return { kind: 'help', text: candidates.map((c) => commandHelp(program, c)).join('\n') }
  const command = only(program, candidates)
  checkArguments(program, command, args)
  checkFlags(program, command, line)
  return { kind: 'run', command, args, flags: line.flags }
}

interface Found {
  /** One, or, where an object is needed and missing, those of the verb. */
  readonly candidates: readonly Command[]
  readonly args: readonly string[]
}

function find(program: Program, words: readonly string[]): Found {
  const [verb = '', ...args] = splitFirst(program, words)
  const verbs = program.commands.map((command) => command.verb)
  const picked = pick(verb, verbs)
  const help = `${program.name} --help`
  if (picked.kind === 'none') throw new UsageError(unknown('command', verb, verbs), help)
  if (picked.kind === 'many') throw new UsageError(ambiguous(verb, picked.words), help)
  const commands = program.commands.filter((command) => command.verb === picked.word)
  return withObject(program, commands, args)
}

/** `write-out` is `write out`. */
function splitFirst(program: Program, words: readonly string[]): readonly string[] {
  const [first = '', ...rest] = words
  const joined = program.commands.some(
    ({ verb, object }) => object !== undefined && first === `${verb}-${object}`,
  )
  return joined ? [...first.split('-'), ...rest] : words
}

function withObject(
  program: Program,
  commands: readonly Command[],
  args: readonly string[],
): Found {
  const plain = commands.find(({ object, isSpelled }) => isImage(object) && isSpelled !== true)
  const objects = commands.flatMap(({ object }) => object ?? [])
  const [typed, ...rest] = args
  const picked: Pick = typed === undefined ? { kind: 'none' } : pick(typed, objects)
  const verb = commands[0]?.verb ?? ''
  const help = `${program.name} ${verb} --help`
  if (picked.kind === 'many') throw new UsageError(ambiguous(typed ?? '', picked.words), help)
  if (picked.kind === 'one') {
    return { candidates: commands.filter(({ object }) => object === picked.word), args: rest }
  }
  const taken = plain === undefined || (plain.arguments.length === 0 && objects.length > 0)
  if (typed !== undefined && taken) {
    throw new UsageError(unknown('object', typed, objects), help)
  }
  return { candidates: plain === undefined ? commands : [plain], args }
}

function only(program: Program, candidates: readonly Command[]): Command {
  const [command, ...others] = candidates
  if (command !== undefined && (others.length === 0 || isImage(command.object))) return command
  const usages = candidates.map((candidate) => usageOf(program, candidate)).join(' or ')
  throw new UsageError(`say what: ${usages}`, `${program.name} ${command?.verb ?? ''} --help`)
}

function checkArguments(program: Program, command: Command, args: readonly string[]): void {
  const wanted = command.arguments
  const open = wanted.at(-1)?.endsWith('...') ?? false
  const help = `${program.name} ${nameOf(command)} --help`
  const lacking = wanted[args.length]
  if (lacking !== undefined && !lacking.startsWith('[')) {
    const what = lacking.replace('...', '')
    throw new UsageError(`${what} is missing: ${usageOf(program, command)}`, help)
  }
  if (args.length > wanted.length && !open) {
    const extra = args[wanted.length] ?? ''
    throw new UsageError(`\`${extra}\` is one too many: ${usageOf(program, command)}`, help)
  }
}
