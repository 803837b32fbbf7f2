import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { startAgent, type Agent } from '../../agent/agent.ts'
import { agentSettings } from '../../agent/settings.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { connect, openChannel, type Remote } from '../../lib/rpc/connect.ts'
import { readSettings } from '../../lib/settings.ts'
import { IntegrityServiceService } from '../../proto/gen/merge/image/v1/integrity.ts'
import {
  LocalServiceService,
  WriteOutRequest,
  type PullResponse,
  type WriteOutResponse,
} from '../../proto/gen/merge/image/v1/local.ts'
import { collect } from './chunks.ts'
import { temporaryFolder } from './folder.ts'
import { recorder, type Recorder } from './log.ts'

/** An agent in this process, with a client over its socket. */
export interface FreshAgent extends AsyncDisposable {
  readonly local: Remote<typeof LocalServiceService>
  readonly integrity: Remote<typeof IntegrityServiceService>
  readonly agent: Agent
  /** Where its chunks and its database lie. */
  readonly data: string
  readonly recorder: Recorder
}

export interface FreshAgentOptions {
  /** Keep the data here rather than in a folder that goes with the agent. */
  readonly data?: string
  /** Whether other facilities may fetch from it. */
  readonly serve?: boolean
  /** Whether it joined, so that its data folder says who it is. */
  readonly isJoined?: boolean
  readonly now?: () => Date
  /** More settings. */
  readonly flags?: readonly string[]
}

/** A whole agent of the facility, which the portal must know, on a folder of its own. */
export async function freshAgent(
  portal: { readonly address: string },
  facility: string,
  options: FreshAgentOptions = {},
): Promise<FreshAgent> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const data = options.data ?? join(folder.path, 'agent')
  const recorded = recorder()
  const said = ['--facility', facility, '--portal', portal.address, '--insecure-dev']
  const flags = ['--data', data, ...(options.isJoined === true ? [] : said)]
  const serving = options.serve === false ? [] : ['--listen', '127.0.0.1:0']
  const settings = readSettings(
    agentSettings,
    [...flags, ...serving, ...(options.flags ?? [])],
    {},
    'TEST',
  )
  const agent = stack.use(
    await startAgent(settings, {
      log: recorded.log,
      now: options.now ?? (() => new Date()),
      clock: () => performance.now(),
      sleep,
      newUuid: randomUUID,
      newUlid: ulid,
      threads: 2,
      surroundings: { arch: process.arch, isRoot: process.getuid?.() === 0, environment: {} },
    }),
  )
  const channel = stack.use(openChannel(`unix:${agent.socket}`, 'admin'))
  const owned = stack.move()
  return {
    local: connect(LocalServiceService, channel),
    integrity: connect(IntegrityServiceService, channel),
    agent,
    data,
    recorder: recorded,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Pulls an image and answers with the last that was said of it. */
export async function pull({ local }: FreshAgent, reference: string): Promise<PullResponse> {
  let last: PullResponse | undefined
  for await (const standing of local.pull({ reference })) last = standing
  if (last === undefined) throw new Error('a pull that said nothing')
  return last
}

/** Writes the root file system of an image to a path. */
export function writeOut(
  { local }: FreshAgent,
  reference: string,
  path: string,
  replace = false,
): Promise<WriteOutResponse[]> {
  return collect(local.writeOut(WriteOutRequest.create({ reference, path, replace })))
}
