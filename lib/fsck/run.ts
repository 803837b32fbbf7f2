import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { runProgram, untilStopped } from '../program.ts'
import { describeSettings, readSettings, type Settings, type Values } from '../settings.ts'
import { flag } from '../upkeep.ts'
import type { FsckReport, Tell } from './fsck.ts'
import { exitCode, reportText } from './told.ts'

/** What every check can be told. */
export const fsckSettings = {
  read: { about: 'read and verify every chunk as well', schema: flag },
  repair: { about: 'put right what can be put right here', schema: flag },
  allLost: { about: 'with --repair: all packs are gone, the store is not elsewhere', schema: flag },
  json: { about: 'print one JSON document', schema: flag },
} satisfies Settings

/** What a check takes from the world. */
export interface FsckWorld {
  readonly now: () => Date
  readonly newUuid: () => string
  readonly threads: number
  readonly tell: Tell
}

const everyMs = 5_000

/** Runs a check with what follows `fsck` on the command line; exits with 1 if something is left to do, with 2 if it could not look. */
export async function runFsck<S extends typeof fsckSettings & Settings>(
  name: string,
  settings: S,
  check: (values: Values<S>, world: FsckWorld, signal: AbortSignal) => Promise<FsckReport>,
): Promise<void> {
  const args = process.argv.slice(3)
  await runProgram(
    `${name} fsck`,
    async () => {
      if (args.includes('--help') || args.includes('-h')) {
        process.stdout.write(`${usageOf(name)}\n\n${describeSettings(settings)}\n`)
        return
      }
      const values = readSettings(settings, args, process.env, 'MERGE_IMAGE')
      const world = {
        now: () => new Date(),
        newUuid: randomUUID,
        threads: availableParallelism(),
        tell: telling(() => performance.now()),
      }
      const report = await check(values, world, untilStopped())
      const { json } = values as Values<typeof fsckSettings>
      process.stdout.write(`${json ? JSON.stringify(report) : reportText(report)}\n`)
      process.exitCode = exitCode(report)
    },
    2,
  )
}

function usageOf(name: string): string {
  return `${name} fsck: hold packs, index, manifests and database against each other

Usage: ${name} fsck --data DIR [--read] [--repair] [--json]

The service must not run meanwhile. Exits with 0 if nothing is left to do, with 1 if something is, with 2 if it could not look.`
}

/** A line on stderr now and then, for whoever waits. */
function telling(clock: () => number): Tell {
  let last = clock()
  return (done, total) => {
    if (clock() - last < everyMs) return
    last = clock()
    process.stderr.write(`${done} of ${total} packs\n`)
  }
}
