import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { internal } from '../lib/failure.ts'

const readyMs = 10_000
const stopMs = 5_000

/** Starts a server and resolves once it takes connections at the port; disposing stops it and waits for its end. */
export async function startDaemon(
  command: string,
  args: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', resolve).once('error', () => {
      resolve()
    })
  })
  const daemon = { [Symbol.asyncDispose]: () => stop(child, ended) }
  try {
    await answers(child, port, signal)
    return daemon
  } catch (error) {
    await daemon[Symbol.asyncDispose]()
    throw error
  }
}

/** A port of the loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw internal('INTERNAL', 'No free port.')
  return address.port
}

async function answers(child: ChildProcess, port: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + readyMs
  while (!(await accepts(port))) {
    if (hasEnded(child)) throw internal('INTERNAL', `${child.spawnfile} ended at its start.`)
    if (performance.now() > end) throw internal('INTERNAL', `${child.spawnfile} does not answer.`)
    await delay(20, undefined, { signal })
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), stopMs)
  await ended
  clearTimeout(force)
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
