import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { debianBuilds, treeBuilds } from '../testbed/builds.ts'
import { ourRound, type Peaks } from './ours.ts'
import { peers } from './peers.ts'
import type { Measure, Peer, Task } from './peer.ts'
import { renderFigures } from './figures.ts'

// Ours beside other tools, on the same two builds of one image (PREVIOUS and IMAGE, or made here), in one run: ROUNDS rounds
// in shuffled order after a warm-up. SKIP=casync leaves out the tools whose name it matches.

const rounds = Number(process.env['ROUNDS'] ?? 3)
const scratch = join(tmpdir(), 'merge-image-bench')
mkdirSync(scratch, { recursive: true })

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

async function chooseImages(): Promise<{ previous: string; image: string; what: string }> {
  const { PREVIOUS: previous, IMAGE: image } = process.env
  if (previous !== undefined && image !== undefined) {
    return { previous: resolve(previous), image: resolve(image), what: 'PREVIOUS and IMAGE' }
  }
  const [folder, debian] = [join(scratch, 'images'), hasMmdebstrap()]
  mkdirSync(folder, { recursive: true })
  say(`making two builds of ${debian ? 'Debian with some 40 packages' : 'a folder tree'} …`)
  const [first, second] = debian ? await debianBuilds(folder, true) : await treeBuilds(folder)
  return { previous: first.path, image: second.path, what: second.made }
}

function hasMmdebstrap(): boolean {
  try {
    execFileSync('mmdebstrap', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function usable(): Promise<readonly Peer[]> {
  const found: Peer[] = []
  const skip = new RegExp(process.env['SKIP'] ?? '^$')
  for (const peer of peers.filter(({ name }) => !skip.test(name))) {
    const why = await peer.unavailable()
    if (why === undefined) found.push(peer)
    else say(`without ${peer.name}: ${why}`)
  }
  return found
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
}

const { previous, image, what } = await chooseImages()
const task: Required<Task> = { image, previous, scratch }
const figures = new Map<string, Measure[]>()
const peaks: Peaks[] = []
const keep = (name: string, measure: Measure, warm: boolean): void => {
  say(`  ${name}: ${measure.seconds.toFixed(1)} s`)
  if (warm) figures.set(name, [...(figures.get(name) ?? []), measure])
}

const ours = async (warm: boolean): Promise<void> => {
  const { round, peaks: memory } = await ourRound(task)
  for (const [name, measure] of round) keep(`ours: ${name}`, measure, warm)
  peaks.push(memory)
}

const contestants = (await usable()).map((peer) => async (warm: boolean) => {
  const measure = await peer.run(task, AbortSignal.timeout(900_000))
  keep(`${peer.name} (${peer.job})`, measure, warm)
})

for (let round = 0; round <= rounds; round++) {
  say(round === 0 ? 'warm-up' : `round ${round} of ${rounds}`)
  for (const run of shuffled([ours, ...contestants])) await run(round > 0)
}

const { blocks, size } = statSync(image)
process.stdout.write(
  renderFigures(figures, peaks, {
    what,
    sizeBytes: size,
    dataBytes: blocks * 512,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    rounds,
  }),
)
