import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { ulid } from 'ulid'
import { makeLog } from '../lib/log.ts'
import { runProgram, untilStopped } from '../lib/program.ts'
import { describeSettings, readSettings } from '../lib/settings.ts'
import { startPortal } from './portal.ts'
import { portalSettings } from './settings.ts'

const help = `merge-image portal: the control plane of Merge's images

Usage: merge-image portal --data DIR --insecure-dev [--flag VALUE ...]

Every flag can be a variable too: --data is MERGE_IMAGE_DATA.

${describeSettings(portalSettings)}
`

await runProgram('merge-image portal', async () => {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(help)
    return
  }
  const settings = readSettings(portalSettings, args, process.env, 'MERGE_IMAGE')
  const stop = untilStopped()
  const portal = await startPortal(settings, {
    log: makeLog(settings.logLevel),
    now: () => new Date(),
    clock: () => performance.now(),
    newUuid: randomUUID,
    newUlid: ulid,
    threads: availableParallelism(),
  })
  if (!stop.aborted) await once(stop, 'abort')
  await portal[Symbol.asyncDispose]()
})
