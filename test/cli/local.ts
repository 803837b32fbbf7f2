import { localAccess } from '../../agent/access.ts'
import { main, type Host } from '../../cli/main.ts'
import { mrsImage } from '../../cli/mrs.ts'
import { identifyInsecurely } from '../../lib/rpc/caller.ts'
import { mount, type Call } from '../../lib/rpc/serve.ts'
import { listen } from '../../lib/rpc/server.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { LocalServiceService } from '../../proto/gen/merge/image/v1/local.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import { recordingHost } from './host.ts'

type Local = Service<typeof LocalServiceService, [call: Call]>

/** Runs mrs-image against an agent that answers as told, and fails at whatever else it is asked. */
export async function mrsWith(
  told: Partial<Local>,
  argv: readonly string[],
  more: Partial<Host> = {},
) {
  await using folder = await temporaryFolder()
  const gate = {
    identify: identifyInsecurely,
    recognise: (error: unknown) => error,
    log: recorder().log,
    clock: () => performance.now(),
  }
  const socket = `${folder.path}/agent.sock`
  const mounted = mount(LocalServiceService, told as Local, localAccess)
  await using _server = await listen(`unix:${socket}`, [mounted], gate)
  const { host, out, err } = recordingHost(socket)
  const exit = await main(mrsImage, argv, { ...host, ...more })
  return { exit, out, err }
}
