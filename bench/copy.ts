import { run } from './command.ts'
import { checked, needs, timed, type Peer } from './peer.ts'

/** A sparse copy, the floor of every job that ends in an image on the disk. */
export async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  await run('cp', ['--sparse=always', from, to], signal)
}

export const cp: Peer = {
  name: 'cp --sparse=always',
  job: 'copy',
  unavailable: needs({ cp: 'coreutils', cmp: 'diffutils' }),
  run: (task, signal) =>
    checked(
      task,
      async (target) => ({
        seconds: await timed(target, () => copySparse(task.image, target, signal)),
      }),
      signal,
    ),
}
