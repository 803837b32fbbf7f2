import { mkdir, rename, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { run } from './command.ts'
import { throughNginx } from './nginx.ts'
import { checked, isMadeOf, needs, timed, type Measure, type Peer, type Task } from './peer.ts'

/** One compressed file of the whole image, as most image servers hand out. */
export const zstdPeers: readonly Peer[] = [
  {
    name: 'zstd -3 -T0',
    job: 'publish',
    unavailable: needs({ zstd: 'zstd' }),
    run: publish,
  },
  {
    name: 'curl | zstd -d',
    job: 'first',
    unavailable: needs({ zstd: 'zstd', curl: 'curl', nginx: 'nginx-light' }),
    run: (task, signal) => checked(task, (target) => download(task, target, signal), signal),
  },
]

async function publish(task: Task, signal: AbortSignal): Promise<Measure> {
  const folder = folderOf(task)
  await mkdir(folder, { recursive: true })
  const file = join(folder, nameOf(task))
  const part = `${file}.part`
  const seconds = await timed(part, () =>
    run('zstd', ['-q', '-f', '-3', '-T0', task.image, '-o', part], signal),
  )
  await rename(part, file)
  return { seconds, wireBytes: (await stat(file)).size }
}

async function download(task: Task, target: string, signal: AbortSignal): Promise<Measure> {
  if (!(await isMadeOf(task, join(folderOf(task), nameOf(task))))) await publish(task, signal)
  const script = 'set -o pipefail; curl -fsS "$0" | zstd -q -d -f --sparse -o "$1"'
  let seconds = 0
  const fetch = async (url: string) => {
    const args = ['-c', script, `${url}/${nameOf(task)}`, target]
    seconds = await timed(target, () => run('bash', args, signal))
  }
  const wireBytes = await throughNginx(folderOf(task), task.scratch, fetch, signal)
  return { seconds, wireBytes }
}

function folderOf(task: Task): string {
  return join(task.scratch, 'zstd')
}

function nameOf(task: Task): string {
  return `${basename(task.image)}.zst`
}
