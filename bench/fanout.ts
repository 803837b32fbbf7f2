import { mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { treeBuilds } from '../testbed/builds.ts'
import { startTestbed } from '../testbed/testbed.ts'

// One image, IMAGE or one that is made here, pushed to AGENTS (10) facilities at the same moment: what the portal gives in all,
// and how long it takes until everybody has it, beside one facility alone. Each agent is a process on one core.

const count = Number(process.env['AGENTS'] ?? 10)

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

async function chooseImage(): Promise<string> {
  const given = process.env['IMAGE']
  if (given !== undefined) return resolve(given)
  const folder = join(tmpdir(), 'merge-image-bench', 'fanout')
  const made = join(folder, 'first.raw')
  if (statSync(made, { throwIfNoEntry: false }) !== undefined) return made
  mkdirSync(folder, { recursive: true })
  say('making an image of a folder tree …')
  await treeBuilds(folder)
  return made
}

interface Pulled {
  readonly image: { readonly storedBytes: number }
  readonly replica: { readonly peerBytes: number; readonly portalBytes: number }
}

interface Outcome {
  readonly imageBytes: number
  /** How long each took, the fastest first. */
  readonly seconds: readonly number[]
  readonly portalBytes: number
  readonly peerBytes: number
  /** The most memory that any agent took. */
  readonly agentPeakBytes: number
}

async function bringTo(facilityCount: number, image: string): Promise<Outcome> {
  await using testbed = await startTestbed([])
  const names = Array.from({ length: facilityCount }, (_, i) => `lab${i + 1}`)
  for (const [i, name] of names.entries()) {
    await testbed.mrg('new', 'facility', name)
    await testbed.startFacility(name, ['taskset', '-c', String(i % 2)])
  }
  await testbed.mrg('publish', image, '--as', 'debian-12')
  const started = performance.now()
  const outcomes = await Promise.all(
    names.map(async (name) => {
      const answer = await testbed.mrs<Pulled>(name, 'pull', 'debian')
      return { answer, seconds: (performance.now() - started) / 1000 }
    }),
  )
  const peaks = [...testbed.facilities.values()].map((facility) => facility.peakBytes())
  const sum = (of: (answer: Pulled) => number): number =>
    outcomes.reduce((all, { answer }) => all + of(answer), 0)
  for (const [i, { answer, seconds }] of outcomes.entries()) {
    const { portalBytes, peerBytes } = answer.replica
    say(`  ${names[i]}: ${seconds.toFixed(1)} s, ${mb(portalBytes)} portal, ${mb(peerBytes)} peers`)
  }
  return {
    imageBytes: outcomes[0]?.answer.image.storedBytes ?? 0,
    seconds: outcomes.map(({ seconds }) => seconds).toSorted((a, b) => a - b),
    portalBytes: sum(({ replica }) => replica.portalBytes),
    peerBytes: sum(({ replica }) => replica.peerBytes),
    agentPeakBytes: Math.max(...(await Promise.all(peaks))),
  }
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

const image = await chooseImage()
process.stdout.write(
  '| facilities | the first has it, s | all have it, s | from the portal | copies | from peers | most memory of an agent |\n',
)
process.stdout.write('|---|---|---|---|---|---|---|\n')
for (const facilityCount of [1, count]) {
  const { imageBytes, seconds, portalBytes, peerBytes, agentPeakBytes } = await bringTo(
    facilityCount,
    image,
  )
  const times = `${seconds[0]?.toFixed(1)} | ${seconds.at(-1)?.toFixed(1)}`
  const copies = (portalBytes / imageBytes).toFixed(2)
  process.stdout.write(
    `| ${facilityCount} | ${times} | ${mb(portalBytes)} | ${copies} | ${mb(peerBytes)} | ${mb(agentPeakBytes)} |\n`,
  )
}
