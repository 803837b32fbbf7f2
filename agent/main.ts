import { makeLog } from '../lib/log.ts'
import { runService } from '../lib/service.ts'
import { startAgent } from './agent.ts'
import { agentSettings } from './settings.ts'

const usage = `merge-image agent: keeps a facility's images

Usage: merge-image agent --facility NAME --data DIR --insecure-dev [--flag VALUE ...]`

await runService('merge-image agent', usage, agentSettings, (settings, world) =>
  startAgent(settings, { ...world, log: makeLog(settings.logLevel) }),
)
