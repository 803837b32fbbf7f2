import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { internal } from '../lib/failure.ts'
import { run } from './command.ts'
import { copySparse } from './copy.ts'
import { freePort, startDaemon } from './daemon.ts'
import {
  checked,
  needs,
  previousOf,
  timed,
  type Job,
  type Measure,
  type Peer,
  type Task,
} from './peer.ts'

const compress = ['-z', '--compress-choice=zstd']

// A delta is written to a new file and renamed, as ours is. --inplace would save the copy, but it finds less of what has
// moved and leaves a broken image when it is cut off.
export const rsyncPeers: readonly Peer[] = [
  rsync('rsync -aS', 'first', []),
  rsync('rsync -aSz (zstd)', 'first', compress),
  rsync('rsync -aS --no-whole-file', 'delta', ['--no-whole-file']),
  rsync('rsync -aSz (zstd) --no-whole-file', 'delta', ['--no-whole-file', ...compress]),
]

function rsync(name: string, job: Job, flags: readonly string[]): Peer {
  return {
    name,
    job,
    unavailable: needs({ rsync: 'rsync' }),
    run: (task, signal) =>
      checked(task, (target) => transfer(task, job, flags, target, signal), signal),
  }
}

async function transfer(
  task: Task,
  job: Job,
  flags: readonly string[],
  target: string,
  signal: AbortSignal,
): Promise<Measure> {
  if (job === 'delta') await copySparse(previousOf(task), target, signal)
  const home = await mkdtemp(join(task.scratch, 'rsync-'))
  try {
    const port = await freePort()
    const settings = join(home, 'rsyncd.conf')
    await writeFile(settings, render(home, dirname(task.image)))
    const daemon = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`]
    await using _daemon = await startDaemon(
      'rsync',
      [...daemon, `--config=${settings}`],
      port,
      signal,
    )
    return await pull(
      `rsync://127.0.0.1:${port}/images/${basename(task.image)}`,
      flags,
      target,
      signal,
    )
  } finally {
    await rm(home, { recursive: true })
  }
}

async function pull(
  url: string,
  flags: readonly string[],
  target: string,
  signal: AbortSignal,
): Promise<Measure> {
  // Without --ignore-times a predecessor of the same size and time would be taken for the image.
  const args = ['-aS', '--ignore-times', '--stats', '--no-human-readable', ...flags, url, target]
  let stats = ''
  const seconds = await timed(target, async () => {
    stats = await run('rsync', args, signal)
  })
  return { seconds, wireBytes: counted(stats, 'sent') + counted(stats, 'received') }
}

function counted(stats: string, way: 'sent' | 'received'): number {
  const bytes = new RegExp(`^Total bytes ${way}: (\\d+)`, 'm').exec(stats)?.[1]
  if (bytes === undefined) throw internal('INTERNAL', `rsync told no bytes ${way}.`)
  return Number(bytes)
}

function render(home: string, folder: string): string {
  return `
pid file = ${home}/pid
log file = ${home}/log
use chroot = no
${process.getuid?.() === 0 ? 'uid = root\ngid = root' : ''}
[images]
  path = ${folder}
  read only = yes
`
}
