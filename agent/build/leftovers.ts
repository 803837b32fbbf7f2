import { readdir, readFile, readlink } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import type { Clock } from '../../lib/chunks/clock.ts'
import { endCage } from './cage.ts'
import { removeTree } from './removing.ts'
import { toolPath } from './toolpath.ts'

/** A process of the machine: the folders that it works in or has as its root. */
export interface ProcessSeen {
  readonly pid: number
  readonly folders: readonly string[]
}

/** The processes that work in a folder or below it. */
export function workingIn(folder: string, processes: readonly ProcessSeen[]): number[] {
  return processes
    .filter(({ folders }) => folders.some((one) => isBelow(folder, one)))
    .map(({ pid }) => pid)
}

/** What is mounted below a folder, deepest first: the order in which it can be taken off. */
export function mountedBelow(folder: string, mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((point) => point !== folder && isBelow(folder, point))
    .toSorted((a, b) => b.length - a.length)
}

function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** Blanks and the like are octal in mountinfo. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(parseInt(octal, 8)),
  )
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
  const until = clock.now() + patienceMs
  for (;;) {
    const pids = workingIn(folder, await processes())
    if (pids.length === 0) break
    if (clock.now() > until) throw new Error(`processes ${pids.join(', ')} do not leave ${folder}`)
    log.warn({ pids, folder }, 'ending what a former build left')
    for (const pid of pids) endCage(pid)
    await clock.sleep(50, signal)
  }
  for (const point of mountedBelow(folder, await readFile('/proc/self/mountinfo', 'utf8'))) {
    log.warn({ point }, 'taking off what a former build left mounted')
    await execute('umount', ['--lazy', point], { env: { PATH: toolPath } })
  }
  await removeTree(folder)
}

async function processes(): Promise<ProcessSeen[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      folders: await Promise.all([linkOf(pid, 'cwd'), linkOf(pid, 'root')]),
    })),
  )
}

/** Where a link of a process leads; nowhere for one that is gone or somebody else's. */
async function linkOf(pid: string, link: string): Promise<string> {
  return readlink(join('/proc', pid, link)).then(
    (path) => path.replace(/ \(deleted\)$/, ''),
    () => '',
  )
}
