import { stopped } from '../../../lib/failure.ts'
import { makeFrames } from '../../../lib/workers/frames.ts'
import type { Pool, TaskInput, TaskName, TaskValue } from '../../../lib/workers/pool.ts'
import { rebuild } from '../../../lib/workers/rebuild.ts'
import { recompress } from '../../../lib/workers/recompress.ts'
import { fingerprint, verify } from '../../../lib/workers/verify.ts'

const tasks = { verify, fingerprint, rebuild, recompress, frames: makeFrames }

/** The tasks of a sync, done in this thread and at once. */
export const poolHere: Pool = {
  threads: 2,
  warm: () => undefined,
  async run<Name extends TaskName>(name: Name, input: TaskInput<Name>, signal?: AbortSignal) {
    await Promise.resolve()
    signal?.throwIfAborted()
    if (!isKnown(name)) throw stopped('STOPPED', `nobody needs the task ${name} here`)
    const task = tasks[name] as unknown as (input: TaskInput<Name>) => { value: TaskValue<Name> }
    return task(input).value
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

function isKnown(name: TaskName): name is keyof typeof tasks {
  return name in tasks
}
