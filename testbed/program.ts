import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** A long-running program in a process of its own. */
export interface Program extends AsyncDisposable {
  readonly process: ChildProcess
  /** What it said of itself when it was ready: the line of its log. */
  readonly ready: Readonly<Record<string, string>>
  /** Sends the signal and waits until the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** The most memory that it has had at a time, as the kernel counts it. */
  peakBytes(): Promise<number>
  /** How long it has had a processor, all of its threads together. */
  processorSeconds(): Promise<number>
}

export type Environment = Readonly<Record<string, string>>

export interface Start {
  readonly logFile: string
  readonly through: readonly string[]
  /** Beside this process's own. */
  readonly environment: Environment
}

/** Starts `merge-image ARGS`, maybe through another program, and waits until its log says that it is ready. */
export async function startProgram(
  args: readonly string[],
  { logFile, through, environment }: Start,
): Promise<Program> {
  const [command = '', ...rest] = [...through, `${root}/bin/merge-image`, ...args]
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  const log = createWriteStream(logFile, { flags: 'a' })
  child.stderr.pipe(log, { end: false })
  const gone = once(child, 'exit')
  const ready = await new Promise<Program['ready']>((resolve, reject) => {
    const last: string[] = []
    child.stderr.on('data', (text: Buffer) => last.push(text.toString()))
    createInterface(child.stdout).on('line', (line) => {
      log.write(`${line}\n`)
      last.splice(0, Math.max(0, last.length - 4))
      last.push(line)
      if (/"msg":"(portal|agent) ready"/.test(line)) {
        resolve(JSON.parse(line) as Program['ready'])
      }
    })
    child.once('exit', (code) => {
      reject(new Error(`merge-image ${args.join(' ')} ended with ${code}:\n${last.join('\n')}`))
    })
  })
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    child.kill(signal)
    await gone
  }
  return {
    process: child,
    ready,
    stop,
    peakBytes: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
    },
    processorSeconds: async () => {
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8')
      // The program's name, in brackets, may hold blanks; user and system time are the 12th and 13th after it, in ticks of 10 ms.
      const [user, system] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13)
      return (Number(user) + Number(system)) / 100
    },
    [Symbol.asyncDispose]: () => stop(),
  }
}

const execute = promisify(execFile)

/** Runs a command of people, `mrg-image` or `mrs-image`, and reads what it answers with --json. */
export async function ask<Answer>(
  command: string,
  args: readonly string[],
  environment: Environment,
): Promise<Answer> {
  const { stdout } = await execute(`${root}/bin/${command}`, [...args, '--json'], {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...environment },
  })
  return JSON.parse(stdout) as Answer
}
