import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startTestbed, type Testbed } from '../testbed/testbed.ts'
import { flush, type Measure, type Task } from './peer.ts'

/** What one round of ours measures, by the name of the step. */
export type Round = ReadonlyMap<string, Measure>

/** The most memory that each long-running process took in a round. */
export interface Peaks {
  readonly portalBytes: number
  readonly agentBytes: number
}

interface Pulled {
  readonly replica: { readonly peerBytes: number; readonly portalBytes: number }
}

interface Published {
  readonly sentBytes: number
}

const execute = promisify(execFile)

/**
 * Publishes the previous build and the image, brings both to a fresh facility, and writes the image out, on processes and
 * folders of their own. Each figure is of a whole command; what it reports is durable by then.
 */
export async function ourRound(task: Required<Task>): Promise<{ round: Round; peaks: Peaks }> {
  await using testbed = await startTestbed([])
  const round = new Map<string, Measure>()
  const step = async <T>(name: string, act: () => Promise<T>, wire: (answer: T) => number) => {
    await flush(testbed.folder)
    const started = performance.now()
    const answer = await act()
    const seconds = (performance.now() - started) / 1000
    round.set(name, { seconds, wireBytes: wire(answer) })
  }
  const target = ['--as', 'debian-12']
  const sent = ({ sentBytes }: Published): number => sentBytes
  const moved = ({ replica }: Pulled): number => replica.peerBytes + replica.portalBytes
  const out = join(testbed.folder, 'out.raw')
  await step('publish', () => testbed.mrg<Published>('publish', task.previous, ...target), sent)
  await testbed.mrg('new', 'facility', 'lab1')
  await testbed.startFacility('lab1')
  const pull = () => testbed.mrs<Pulled>('lab1', 'pull', 'debian')
  await step('first sync', pull, moved)
  await step(
    'publish the rebuild',
    () => testbed.mrg<Published>('publish', task.image, ...target),
    sent,
  )
  await step(
    'prepare the deltas',
    () => deltasPrepared(testbed.folder),
    () => 0,
  )
  await step('delta sync', pull, moved)
  const write = () => testbed.mrs('lab1', 'write', 'out', 'debian', out)
  await step('write out', write, () => 0)
  await execute('cmp', [out, task.image])
  return { round, peaks: await peaksOf(testbed) }
}

/** The portal prepares them in the background, and says so in its log. */
async function deltasPrepared(folder: string): Promise<void> {
  const log = join(folder, 'portal.log')
  while (!(await readFile(log, 'utf8')).includes('deltas prepared')) await setTimeout(100)
}

async function peaksOf({ portal, facilities }: Testbed): Promise<Peaks> {
  const agent = facilities.get('lab1')
  return {
    portalBytes: await portal.peakBytes(),
    agentBytes: (await agent?.peakBytes()) ?? 0,
  }
}
