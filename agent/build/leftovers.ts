import { readdir, readFile, stat } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import type { Clock } from '../../lib/chunks/clock.ts'
import { childrenOf, kill } from './cage.ts'
import { type Mounted, mountAt, mountedBelow } from './mounts.ts'
import { removeTree } from './removing.ts'
import { toolPath } from './toolpath.ts'

/** What a folder is, whatever it is called and wherever it is seen from: its device and its inode. */
export type FolderId = string

/** A process of the machine, and the ways up from the folder that it works in and from the one that is its root. */
export interface ProcessSeen {
  readonly pid: number
  readonly ways: readonly (readonly FolderId[])[]
}

/** The processes that work in a folder or below it. */
export function workingIn(folder: FolderId, processes: readonly ProcessSeen[]): number[] {
  return processes
    .filter(({ ways }) => ways.some((way) => way.includes(folder)))
    .map(({ pid }) => pid)
}

/**
 * Which of them to end now: of those that belong together the children. What waits for a cage sees its first process end,
 * which the kernel lets happen only when all the others in the cage have.
 */
export function firstToEnd(
  pids: readonly number[],
  children: (pid: number) => readonly number[],
): number[] {
  const first = pids.flatMap((pid) => {
    const ours = children(pid).filter((child) => pids.includes(child))
    return ours.length > 0 ? ours : [pid]
  })
  return [...new Set(first)]
}

export interface SweepDeps {
  readonly log: Logger
  readonly clock: Clock
}

const execute = promisify(execFile)
const patienceMs = 10_000

/** Ends and removes what a builder that died left in its folder: processes, mounts, files. */
export async function sweep(
  folder: string,
  { log, clock }: SweepDeps,
  signal: AbortSignal,
): Promise<void> {
  const id = await idOf(folder)
  if (id === undefined) return
  const until = clock.now() + patienceMs
  for (;;) {
    const pids = workingIn(id, await processes())
    if (pids.length === 0) break
    if (clock.now() > until) throw new Error(`processes ${pids.join(', ')} do not leave ${folder}`)
    log.warn({ pids, folder }, 'ending what a former build left')
    for (const pid of firstToEnd(pids, childrenOf)) kill(pid)
    await clock.sleep(50, signal)
  }
  for (const mount of mountedBelow(folder, await readFile('/proc/self/mountinfo', 'utf8'))) {
    await takeOff(mount, log)
  }
  await removeTree(folder)
}

/** Takes a mount off, unless its path leads to another one: something may be mounted over it. */
async function takeOff({ id, point }: Mounted, log: Logger): Promise<void> {
  if ((await mountAt(point)) !== id) {
    log.warn({ point }, 'something else lies over what a former build left mounted')
    return
  }
  log.warn({ point }, 'taking off what a former build left mounted')
  await execute('umount', ['--lazy', '--no-canonicalize', point], { env: { PATH: toolPath } })
}

async function processes(): Promise<ProcessSeen[]> {
  const others = (await readdir('/proc')).filter(
    (name) => /^\d+$/.test(name) && name !== String(process.pid),
  )
  return Promise.all(
    others.map(async (pid) => ({
      pid: Number(pid),
      ways: await Promise.all([
        wayUp(join('/proc', pid, 'cwd')),
        wayUp(join('/proc', pid, 'root')),
      ]),
    })),
  )
}

/**
 * The folders from one up to the root of what it lies in, as the kernel goes there: over mounts, in the namespace of the
 * process, and from folders that are removed. None for a process that is gone or somebody else's.
 */
async function wayUp(start: string): Promise<FolderId[]> {
  const way: FolderId[] = []
  for (let path = start; ; path = `${path}/..`) {
    const id = await idOf(path)
    if (id === undefined || id === way.at(-1)) return way
    way.push(id)
  }
}

async function idOf(path: string): Promise<FolderId | undefined> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  )
}
