import { mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { run } from './command.ts'
import { throughNginx } from './nginx.ts'
import {
  checked,
  flush,
  isMadeOf,
  needs,
  previousOf,
  timed,
  type Measure,
  type Peer,
  type Task,
} from './peer.ts'

const tools = { casync: 'casync', nginx: 'nginx-light' }

/** Content-defined chunks of 64 KiB, one file each. A delta takes the predecessor as its seed, and has to cut it first. */
export const casyncPeers: readonly Peer[] = [
  {
    name: 'casync make',
    job: 'publish',
    unavailable: needs({ casync: 'casync' }),
    run: publish,
  },
  {
    name: 'casync extract',
    job: 'first',
    unavailable: needs(tools),
    run: (task, signal) => checked(task, (target) => extract(task, [], target, signal), signal),
  },
  {
    name: 'casync extract --seed',
    job: 'delta',
    unavailable: needs(tools),
    run: (task, signal) => {
      const seed = [`--seed=${previousOf(task)}`]
      return checked(task, (target) => extract(task, seed, target, signal), signal)
    },
  },
]

/** What there would be to send is the whole store. */
async function publish(task: Task, signal: AbortSignal): Promise<Measure> {
  const folder = folderOf(task)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const index = join(folder, 'image.caibx')
  const seconds = await timed(index, async () => {
    await run('casync', ['make', `--store=${join(folder, 'store')}`, index, task.image], signal)
    await flush(folder)
  })
  return { seconds, wireBytes: await sizeOf(folder, signal) }
}

async function extract(
  task: Task,
  flags: readonly string[],
  target: string,
  signal: AbortSignal,
): Promise<Measure> {
  if (!(await isMadeOf(task, join(folderOf(task), 'image.caibx')))) await publish(task, signal)
  let seconds = 0
  const fetch = async (url: string) => {
    const args = ['extract', ...flags, `--store=${url}/store`, `${url}/image.caibx`, target]
    seconds = await timed(target, () => run('casync', args, signal))
  }
  const wireBytes = await throughNginx(folderOf(task), task.scratch, fetch, signal)
  return { seconds, wireBytes }
}

async function sizeOf(folder: string, signal: AbortSignal): Promise<number> {
  const files = await run('find', [folder, '-type', 'f', '-printf', '%s\\n'], signal)
  return files.split('\n').reduce((sum, line) => sum + Number(line), 0)
}

function folderOf(task: Task): string {
  return join(task.scratch, `casync-${basename(task.image)}`)
}
