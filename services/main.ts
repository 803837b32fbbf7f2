import { ulid } from 'ulid'
import { runFsck } from '../lib/fsck/run.ts'
import { makeLog } from '../lib/log.ts'
import { runService } from '../lib/service.ts'
import { fsckPortal, portalFsckSettings } from './fsck.ts'
import { startPortal } from './portal.ts'
import { portalSettings } from './settings.ts'

const usage = `merge-image portal: the control plane of Merge's images

Usage: merge-image portal --data DIR [--flag VALUE ...]
       merge-image portal fsck --data DIR [--read] [--repair]   check what is stored`

if (process.argv[2] === 'fsck') {
  await runFsck('merge-image portal', portalFsckSettings, (settings, world, signal) =>
    fsckPortal(settings, { ...world, newUlid: ulid }, signal),
  )
} else {
  await runService('merge-image portal', usage, portalSettings, (settings, world) =>
    startPortal(settings, { ...world, log: makeLog(settings.logLevel) }),
  )
}
