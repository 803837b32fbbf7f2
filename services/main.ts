import { makeLog } from '../lib/log.ts'
import { runService } from '../lib/service.ts'
import { startPortal } from './portal.ts'
import { portalSettings } from './settings.ts'

const usage = `merge-image portal: the control plane of Merge's images

Usage: merge-image portal --data DIR --insecure-dev [--flag VALUE ...]`

await runService('merge-image portal', usage, portalSettings, (settings, world) =>
  startPortal(settings, { ...world, log: makeLog(settings.logLevel) }),
)
