import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { sleep, type Clock } from './chunks/clock.ts'
import { runProgram, untilStopped } from './program.ts'
import { describeSettings, readSettings, type Settings, type Values } from './settings.ts'

/** What a long-lived program takes from the world. */
export interface World {
  readonly log: Logger
  readonly now: () => Date
  /** Milliseconds since some moment. */
  readonly clock: () => number
  readonly sleep: Clock['sleep']
  readonly newUuid: () => string
  readonly newUlid: () => string
  readonly threads: number
}

/** Runs a long-lived program of this process's arguments and environment, until it is asked to stop. */
export async function runService<S extends Settings>(
  name: string,
  usage: string,
  settings: S,
  start: (values: Values<S>, world: Omit<World, 'log'>) => Promise<AsyncDisposable>,
): Promise<void> {
  const args = process.argv.slice(2)
  await runProgram(name, async () => {
    if (args.includes('--help') || args.includes('-h')) {
      process.stdout.write(
        `${usage}\n\nEvery flag can be a variable too: --data is MERGE_IMAGE_DATA.\n\n`,
      )
      process.stdout.write(`${describeSettings(settings)}\n`)
      return
    }
    const values = readSettings(settings, args, process.env, 'MERGE_IMAGE')
    const stop = untilStopped()
    const running = await start(values, {
      now: () => new Date(),
      clock: () => performance.now(),
      sleep,
      newUuid: randomUUID,
      newUlid: ulid,
      threads: availableParallelism(),
    })
    if (!stop.aborted) await once(stop, 'abort')
    await running[Symbol.asyncDispose]()
  })
}
