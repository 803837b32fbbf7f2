import { runFsck } from '../lib/fsck/run.ts'
import { makeLog } from '../lib/log.ts'
import { runService } from '../lib/service.ts'
import { startAgent } from './agent.ts'
import { agentFsckSettings, fsckAgent } from './fsck.ts'
import { agentSettings } from './settings.ts'

const usage = `merge-image agent: keeps a facility's images

Usage: merge-image agent --data DIR [--flag VALUE ...]      once it has joined: mrs-image join
       merge-image agent fsck --data DIR [--read] [--repair]   check what is stored`

const surroundings = {
  arch: process.arch,
  isRoot: process.getuid?.() === 0,
  environment: process.env,
}

if (process.argv[2] === 'fsck') {
  await runFsck('merge-image agent', agentFsckSettings, fsckAgent)
} else {
  await runService('merge-image agent', usage, agentSettings, (settings, world) =>
    startAgent(settings, { ...world, surroundings, log: makeLog(settings.logLevel) }),
  )
}
