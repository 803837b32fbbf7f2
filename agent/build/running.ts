import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../../lib/failure.ts'
import { caged, endCage } from './cage.ts'
import { Fault } from './fault.ts'
import type { Command, Environment, Step } from './plan.ts'
import { makeTail } from './tail.ts'

export interface RunDeps {
  /** Where commands run. */
  readonly folder: string
  /** What every command gets. */
  readonly environment: Environment
  readonly isRoot: boolean
}

/** Takes what a command says, as it says it; what it throws ends the command. */
export type Listener = (part: Buffer) => void

/** Carries out the steps, one after another. */
export async function carryOut(
  steps: readonly Step[],
  deps: RunDeps,
  listen: Listener,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps) {
    if (step.kind === 'run') await run(step, deps, listen, signal)
    else await write(step.path, step.content, step.mode)
  }
}

async function write(path: string, content: string, mode: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content, { mode: parseInt(mode, 8) })
}

/** Runs a command in a cage, and resolves once none of its processes is left; one that fails is a fault. */
export async function run(
  command: Command,
  { folder, environment, isRoot }: RunDeps,
  listen: Listener,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const [program = '', ...args] = caged(command.argv, isRoot)
  await using input = await open(command.input ?? '/dev/null')
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    env: { ...environment, ...command.environment },
    stdio: [input.fd, 'pipe', 'ignore'],
  })
  const gone = once(child, 'close')
  // Looked at below; until then it is not to count as unhandled.
  gone.catch(() => undefined)
  const end = (): void => {
    if (child.pid !== undefined) endCage(child.pid)
  }
  const tail = makeTail()
  signal.addEventListener('abort', end, { once: true })
  try {
    if (child.stdout === null) throw new Error('a process without a pipe')
    for await (const part of child.stdout as AsyncIterable<Buffer>) {
      tail.add(part)
      listen(part)
    }
  } catch (error) {
    end()
    throw error
  } finally {
    await gone.catch(() => undefined)
    signal.removeEventListener('abort', end)
  }
  signal.throwIfAborted()
  await gone.catch((error: unknown) => {
    throw new Fault('BUILDER', `${program} cannot be run: ${errorCode(error) ?? String(error)}`)
  })
  if (child.exitCode !== 0) throw failed(command, child.exitCode, tail.text())
}

function failed({ title, blame }: Command, code: number | null, said: string): Fault {
  const how = code === null ? 'was killed' : `ended with ${code}`
  const last = said === '' ? 'It said nothing.' : `The last it said:\n${said}`
  return new Fault(blame, `${title} ${how}. ${last}`)
}
