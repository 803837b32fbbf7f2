import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { errorCode, type Failure, precondition } from '../failure.ts'
import { wrong } from './format.ts'

/** Node has no xz of its own; the command gets bytes and gives bytes, and is told no path. */
const limits = ['--threads=1', '--memlimit-decompress=512MiB']
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }

/** How long the command may be silent while somebody waits for it. */
const patienceMs = 60_000

/** What the stored bytes unpack to. The command is killed when nobody reads on. */
export async function* unxz(
  path: string,
  stored: AsyncIterable<Buffer>,
  signal: AbortSignal,
  command = 'xz',
  silenceMs = patienceMs,
): AsyncGenerator<Buffer, void, undefined> {
  const stop = new AbortController()
  const child = spawn(command, ['--decompress', '--stdout', '--quiet', ...limits], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environment,
  })
  const ended = endOf(child)
  const complaint = text(child.stderr).catch(() => '')
  const fed = pipeline(stored, child.stdin, { signal: AbortSignal.any([stop.signal, signal]) })
  // Where the command gave up first, what it said is the better reason.
  const feeding = fed.catch((error: unknown) => {
    if (errorCode(error) !== 'EPIPE') throw error
  })
  feeding.catch(() => undefined)
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    if (!(yield* patiently(child.stdout, silenceMs))) throw silent(path)
    const code = await ended
    signal.throwIfAborted()
    if (code !== 0) throw unpackFault(path, code, await complaint)
    await feeding
  } finally {
    signal.removeEventListener('abort', kill)
    stop.abort()
    kill()
    child.stdout.destroy()
    await Promise.allSettled([ended, feeding])
  }
}

/** The exit code, or why there is none. */
async function endOf(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<unknown> {
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code
  } catch (error) {
    return error
  }
}

/** Yields what comes; answers false when nothing came for too long. */
async function* patiently(
  output: AsyncIterable<Buffer>,
  silenceMs: number,
): AsyncGenerator<Buffer, boolean, undefined> {
  const blocks = output[Symbol.asyncIterator]()
  for (;;) {
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => {
      late.resolve(undefined)
    }, silenceMs)
    const next = await Promise.race([blocks.next(), late.promise]).finally(() => {
      clearTimeout(timer)
    })
    if (next === undefined) return false
    if (next.done === true) return true
    yield next.value
  }
}

function silent(path: string): Failure {
  return precondition('UNREADABLE', `xz stopped answering while it unpacked ${path}: try again`, {
    path,
  })
}

function unpackFault(path: string, code: unknown, complaint: string): Failure {
  if (errorCode(code) === 'ENOENT') {
    const advice = 'install it (Debian: xz-utils), or unpack the file elsewhere and give that'
    return precondition('UNREADABLE', `there is no xz command to unpack ${path}: ${advice}`, {
      path,
    })
  }
  if (/unexpected end/i.test(complaint)) {
    return wrong(path, 'xz', `${path} ends in the middle of its xz stream: fetch it again`)
  }
  if (/memory usage limit/i.test(complaint)) {
    const advice = 'pack it with `xz -9` at most'
    return wrong(path, 'xz', `${path} needs more than 512 MiB of memory to unpack: ${advice}`)
  }
  const message = `${path} is broken, or something else follows its end: fetch it again`
  return wrong(path, 'xz', message)
}
