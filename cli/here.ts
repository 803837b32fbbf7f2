import { connect } from '../lib/rpc/connect.ts'
import { LocalServiceService } from '../proto/gen/merge/image/v1/local.ts'
import type { Command } from './command.ts'

/** A command about a facility, its first argument, as that facility's own: of itself, and through its agent. */
export function here(command: Command): Command {
  const [, ...rest] = command.arguments
  return {
    ...command,
    arguments: rest,
    examples: command.examples.map((example) => example.replace(' lab1', '')),
    async run(context, args, flags) {
      const { channel, signal } = context
      const { facility } = await connect(LocalServiceService, channel).status({}, { signal })
      return command.run(context, [facility, ...args], flags)
    },
  }
}
