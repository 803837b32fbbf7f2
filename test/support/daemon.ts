import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/**
 * Runs a daemon that ends when this process does, however that ends: the shell waits for the end of its input, and a signal
 * to the whole group does not take it away before.
 */
export function leashed(command: readonly string[]): () => Promise<void> {
  const script =
    'trap : TERM INT HUP; exec 3<&0; "$@" 3<&- </dev/null >/dev/null 2>&1 & p=$!; read _ <&3; kill -KILL $p; wait $p'
  const child: ChildProcess = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  return async () => {
    if (child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.stdin?.end()
    await exited
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Asks again until it is so; fails after half a minute. */
export async function until(what: string, ready: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await ready()) return
    await setTimeout(50)
  }
  throw new Error(`${what} did not come up within 30 s`)
}
