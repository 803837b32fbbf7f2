import { randomUUID } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { errorCode } from '../lib/failure.ts'
import { untilStopped } from '../lib/program.ts'
import type { Paint } from './command.ts'
import { main } from './main.ts'
import { readLogin } from './logged.ts'
import { callerVariable, type Program } from './program.ts'
import { bar, lines } from './progress.ts'

/** Runs a tool in this process: its arguments, streams, signals and exit code. */
export async function start(program: Program, env: NodeJS.ProcessEnv): Promise<void> {
  const { stdout, stderr } = process
  const now = (): number => performance.now()
  const err = (line: string): void => void stderr.write(`${line}\n`)
  stdout.on('error', quietWhenClosed)
  stderr.on('error', quietWhenClosed)
  const signal = untilStopped()
  const settingsFolder = settingsFolderOf(env)
  const login = program.server.identifies ? readLogin(settingsFolder) : undefined
  const kept = typeof login === 'object' ? login.portal : undefined
  const exit = await main(program, process.argv.slice(2), {
    server: given(env, program.server.variable) ?? kept ?? program.server.fallback,
    settingsFolder,
    self: {
      ...{ login, caller: given(env, callerVariable) },
      tokenFile: given(env, 'MERGE_IMAGE_TOKEN_FILE'),
      tlsCert: given(env, 'MERGE_IMAGE_TLS_CERT'),
      tlsKey: given(env, 'MERGE_IMAGE_TLS_KEY'),
      tlsCa: given(env, 'MERGE_IMAGE_TLS_CA'),
    },
    today: () => new Date(),
    out: (line) => void stdout.write(`${line}\n`),
    err,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stdout.write(bytes, (error) => {
          if (error) reject(error)
          else resolve()
        })
      }),
    meter: () => (stderr.isTTY ? bar(stderr, now) : lines(err, now)),
    paint: stdout.isTTY && stdout.hasColors() ? paint : (_colour, text) => text,
    signal,
    newId: randomUUID,
    now,
    folder: process.cwd(),
  })
  process.exitCode = exit !== 0 && signal.aborted ? 130 : exit
}

/** As the XDG Base Directory Specification says. */
function settingsFolderOf(env: NodeJS.ProcessEnv): string {
  const base = given(env, 'XDG_CONFIG_HOME') ?? join(homedir(), '.config')
  return join(base, 'merge-image')
}

const paint: Paint = (colour, text) => styleText(colour, text, { validateStream: false })

function given(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

/** Whoever reads stopped reading, as in `mrg-image list | head`: that is no error. */
function quietWhenClosed(error: unknown): void {
  if (errorCode(error) === 'EPIPE') process.exit(0)
  throw error
}
