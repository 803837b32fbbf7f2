import { Failure } from '../lib/failure.ts'
import type { Command, Context, FlagValues, Paint } from './command.ts'
import { dispatch } from './dispatch.ts'
import { json } from './json.ts'
import { problem } from './problem.ts'
import type { Meter } from './progress.ts'
import { silent } from './progress.ts'
import type { Program } from './program.ts'
import { openServer, type Self } from './server.ts'

/** The process that a command runs in. */
export interface Host extends Pick<
  Context,
  'signal' | 'newId' | 'now' | 'today' | 'folder' | 'settingsFolder' | 'write'
> {
  /** What the environment says, or else the defaults. */
  readonly server: string
  readonly self: Self
  readonly out: (line: string) => void
  readonly err: (line: string) => void
  readonly meter: () => Meter
  readonly paint: Paint
}

/** Runs a command line; answers the exit code. */
export async function main(program: Program, argv: readonly string[], host: Host): Promise<number> {
  const asJson = argv.includes('--json')
  try {
    const asked = dispatch(program, argv)
    if (asked.kind === 'run') return await run(program, asked, host, asJson)
    host.out(asked.text)
    return 0
  } catch (error) {
    // What fails because the person gave up says so, whatever it was in the middle of.
    const gaveUp = error instanceof Failure && host.signal.aborted
    const { exit, text } = problem(program, gaveUp ? host.signal.reason : error, asJson)
    host.err(text)
    return exit
  }
}

interface Asked {
  readonly command: Command
  readonly args: readonly string[]
  readonly flags: FlagValues
}

async function run(
  program: Program,
  { command, args, flags }: Asked,
  host: Host,
  asJson: boolean,
): Promise<number> {
  const { flag, address } = program.server
  const said = (name: string, otherwise: string): string => String(flags[name] ?? otherwise)
  const { self } = host
  const file = (name: string, otherwise: string | undefined): string | undefined =>
    typeof flags[name] === 'string' ? flags[name] : otherwise
  const caller = {
    caller: file('caller', self.caller),
    tokenFile: file('token-file', self.tokenFile),
    tlsCert: file('tls-cert', self.tlsCert),
    tlsKey: file('tls-key', self.tlsKey),
    tlsCa: file('tls-ca', self.tlsCa),
    login: self.login,
  }
  using channel = await openServer(address(said(flag, host.server)), caller, host.today())
  const { signal, newId, now, today, folder, settingsFolder, write } = host
  const note = asJson ? () => undefined : host.err
  const print = asJson ? () => undefined : host.out
  const meter = asJson ? silent : host.meter
  const context = {
    channel,
    signal,
    note,
    print,
    write,
    meter,
    newId,
    now,
    today,
    folder,
    settingsFolder,
  }
  const answer = await command.run(context, args, flags)
  const say = answer.aside === true ? host.err : host.out
  say(asJson ? json(answer.json) : answer.text(host.paint))
  return answer.exit ?? 0
}
