import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { ulid } from 'ulid'
import { makeLog } from '../lib/log.ts'
import { runProgram, untilStopped } from '../lib/program.ts'
import { describeSettings, readSettings } from '../lib/settings.ts'
import { startAgent } from './agent.ts'
import { agentSettings } from './settings.ts'

const help = `merge-image agent: keeps a facility's images

Usage: merge-image agent --facility NAME --data DIR --insecure-dev [--flag VALUE ...]

Every flag can be a variable too: --data is MERGE_IMAGE_DATA.

${describeSettings(agentSettings)}
`

await runProgram('merge-image agent', async () => {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(help)
    return
  }
  const settings = readSettings(agentSettings, args, process.env, 'MERGE_IMAGE')
  const stop = untilStopped()
  const agent = await startAgent(settings, {
    log: makeLog(settings.logLevel),
    now: () => new Date(),
    clock: () => performance.now(),
    newUuid: randomUUID,
    newUlid: ulid,
    threads: availableParallelism(),
  })
  if (!stop.aborted) await once(stop, 'abort')
  await agent[Symbol.asyncDispose]()
})
