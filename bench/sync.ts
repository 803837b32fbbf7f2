import { mkdirSync, rmSync } from 'node:fs'
import { cp, readFile, rename, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Program } from '../testbed/program.ts'
import { startTestbed } from '../testbed/testbed.ts'
import { flush, type Job } from './peer.ts'
import { peers } from './peers.ts'

// First and delta syncs beside other tools, over and over on one publication: PREVIOUS and IMAGE are two builds, ROUNDS (5)
// how often, ONLY which other tools. The agent is fresh each time and serves nobody.

const { PREVIOUS = '', IMAGE = '' } = process.env
const task = {
  previous: resolve(PREVIOUS),
  image: resolve(IMAGE),
  scratch: join(tmpdir(), 'merge-image-bench', 'sync'),
}
const rounds = Number(process.env['ROUNDS'] ?? 5)
const only = new RegExp(process.env['ONLY'] ?? '^curl|^rsync -aS ')
rmSync(task.scratch, { recursive: true, force: true })
mkdirSync(task.scratch, { recursive: true })

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

const all = new Map<string, number[]>()
/** The first round of each kind does not count. */
let warming = true

function say(what: string, seconds: number, bytes: number, more = ''): void {
  if (!warming) all.set(what, [...(all.get(what) ?? []), seconds])
  process.stdout.write(
    `${warming ? 'warm-up, ' : ''}${what}: ${seconds.toFixed(2)} s, ${megabytes(bytes)}${more}\n`,
  )
}

await using testbed = await startTestbed([], { alone: true })
const { folder, portal } = testbed

async function others(job: Job): Promise<void> {
  const image = job === 'first' ? task.previous : task.image
  for (const peer of peers.filter((one) => one.job === job && only.test(`${one.name} `))) {
    const why = await peer.unavailable()
    if (why !== undefined) continue
    const { seconds, wireBytes = 0 } = await peer.run(
      { ...task, image },
      AbortSignal.timeout(900_000),
    )
    say(`${peer.name} (${job})`, seconds, wireBytes)
  }
}

/** What the agent, the portal and the whole machine have worked so far, in seconds of a processor. */
async function processor(agent: Program): Promise<readonly number[]> {
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys, 0) / 1000
  return [await agent.processorSeconds(), await portal.processorSeconds(), all]
}

async function sync(facility: string, job: Job): Promise<void> {
  const agent = await testbed.startFacility(facility)
  await flush(folder)
  // An agent runs for months: what it does at its start is over.
  await setTimeout(1000)
  const before = await processor(agent)
  const started = performance.now()
  const { replica } = await testbed.mrs<{
    readonly replica: { readonly portalBytes: number }
  }>(facility, 'pull', 'debian')
  const seconds = (performance.now() - started) / 1000
  const after = await processor(agent)
  const worked = after.map((spent, i) => `${(spent - (before[i] ?? 0)).toFixed(1)} s`).join(' / ')
  const peaks = [await agent.peakBytes(), await portal.peakBytes()].map(megabytes).join(' / ')
  const told = `, processor of agent / portal / all ${worked}, most memory of agent / portal ${peaks}`
  say(`ours (${job})`, seconds, replica.portalBytes, told)
  await agent.stop()
}

/** Before and after the others by turns, so that neither has the warmer machine. */
async function besideOthers(round: number, job: Job, ours: () => Promise<void>): Promise<void> {
  if (round % 2 === 0) await others(job)
  await ours()
  if (round % 2 === 1) await others(job)
}

async function deltasPrepared(): Promise<void> {
  const log = join(folder, 'portal.log')
  while (!(await readFile(log, 'utf8')).includes('deltas prepared')) await setTimeout(100)
}

const facilities = Array.from({ length: rounds + 1 }, (_, i) => `lab${i}`)
const [based = ''] = facilities
const [own, kept] = [join(folder, based), join(folder, 'kept')]
await testbed.mrg('publish', task.previous, '--as', 'debian-12')
for (const [round, facility] of facilities.entries()) {
  warming = round === 0
  await testbed.mrg('new', 'facility', facility)
  await besideOthers(round, 'first', () => sync(facility, 'first'))
  if (facility === based) await rename(own, kept)
  else await rm(join(folder, facility), { recursive: true })
}
await testbed.mrg('publish', task.image, '--as', 'debian-12')
await deltasPrepared()
for (const round of facilities.keys()) {
  warming = round === 0
  // From the same base each time.
  await cp(kept, own, { recursive: true })
  await besideOthers(round, 'delta', () => sync(based, 'delta'))
  await rm(own, { recursive: true })
}
for (const [what, seconds] of all) {
  const sorted = seconds.toSorted((a, b) => a - b).map((each) => each.toFixed(1))
  const middle = sorted[Math.floor(sorted.length / 2)] ?? ''
  process.stdout.write(`${what}: ${middle} s, ${sorted[0] ?? ''} to ${sorted.at(-1) ?? ''}\n`)
}
