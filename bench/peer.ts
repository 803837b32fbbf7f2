import { open, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { internal } from '../lib/failure.ts'
import { findTool, run } from './command.ts'

/** What is measured: a local copy, a first transfer, a transfer of what is new since `previous`, or a publication. */
export type Job = 'copy' | 'first' | 'delta' | 'publish'

export interface Task {
  /** A raw disk image. */
  readonly image: string
  /** The build before it; a delta needs one. */
  readonly previous?: string
  /** A folder to work in, on the disk that is measured. What a peer serves is prepared in it once and stays. */
  readonly scratch: string
}

export interface Measure {
  readonly seconds: number
  /** What the receiver got and sent; of a publication, what there would be to send. */
  readonly wireBytes?: number
}

/** Another tool doing one of our jobs. */
export interface Peer {
  readonly name: string
  readonly job: Job
  /** Why it cannot run on this machine. */
  unavailable(): Promise<string | undefined>
  /** Runs it once, checks its output against the image, and removes the output. */
  run(task: Task, signal: AbortSignal): Promise<Measure>
}

/** A `Peer.unavailable` that looks for tools; each is named with the Debian package that has it. */
export function needs(tools: Readonly<Record<string, string>>): () => Promise<string | undefined> {
  return async () => {
    const found = await Promise.all(Object.keys(tools).map(findTool))
    const absent = Object.entries(tools).filter((_, index) => found[index] === undefined)
    if (absent.length === 0) return undefined
    const names = absent.map(([tool]) => tool).join(', ')
    return `${names} not installed: apt-get install ${absent.map(([, name]) => name).join(' ')}`
  }
}

/** Measures what writes `target`, compares that with the image, and removes it. */
export async function checked(
  task: Task,
  work: (target: string) => Promise<Measure>,
  signal: AbortSignal,
): Promise<Measure> {
  const target = join(task.scratch, 'target.raw')
  try {
    const measure = await work(target)
    await run('cmp', [task.image, target], signal)
    return measure
  } finally {
    await rm(target, { force: true })
  }
}

/**
 * The seconds that the work takes until its output is on the disk, as ours is when it reports success. What others have left
 * to be written is written before.
 */
export async function timed(output: string, work: () => Promise<unknown>): Promise<number> {
  await flush(dirname(output))
  const start = performance.now()
  await work()
  const file = await open(output, 'r')
  await file.sync().finally(() => file.close())
  return (performance.now() - start) / 1000
}

/** Writes all that the disk of the folder has yet to write. */
export async function flush(folder: string): Promise<void> {
  await run('sync', ['-f', folder])
}

export function previousOf(task: Task): string {
  if (task.previous !== undefined) return task.previous
  throw internal('INTERNAL', 'A delta needs the build before the image.')
}

/** Whether a file that was made of the image is there, and of this image rather than of one that lay there before. */
export async function isMadeOf(task: Task, file: string): Promise<boolean> {
  const [made, image] = await Promise.all([modified(file), modified(task.image)])
  return made !== undefined && image !== undefined && made >= image
}

async function modified(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  )
}
