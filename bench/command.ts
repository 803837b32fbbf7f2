import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { internal } from '../lib/failure.ts'

/** Runs a command to its end; its standard output. */
export async function run(
  command: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal === undefined ? {} : { signal }),
  })
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  const [code, output, errors] = await Promise.all([exit, text(child.stdout), text(child.stderr)])
  if (code === 0) return output
  throw internal('INTERNAL', `${command} ended with ${code ?? 'a signal'}: ${errors.trim()}`)
}

/** The path of a tool, also of those that Debian keeps out of a user's PATH. */
export async function findTool(name: string): Promise<string | undefined> {
  const script = 'PATH=$PATH:/usr/sbin:/sbin; command -v "$0" || true'
  const path = await run('sh', ['-c', script, name])
  return path.trim() === '' ? undefined : path.trim()
}
