import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseRecipe } from '../lib/recipes/parse.ts'
import type { DebianBuild } from '../lib/recipes/recipe.ts'
import { connect, openChannel, type Channel } from '../lib/rpc/connect.ts'
import {
  BuildServiceService,
  BuildState,
  RunBuildRequest,
  WatchBuildRequest,
  type Build,
} from '../proto/gen/merge/image/v1/build.ts'
import { GetImageRequest, ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { PutRecipeRequest } from '../proto/gen/merge/image/v1/recipe.ts'
import { root } from '../testbed/program.ts'
import { startTestbed } from '../testbed/testbed.ts'
import { run } from './command.ts'

// What a build of a Debian recipe takes, beside what mmdebstrap alone takes for the same suites and packages: by turns, ROUNDS (3)
// times each
// (0: none) after one build that fills the cache of packages. RECIPE is a file (recipes/debian-13-std.yaml). Needs root.

const rounds = Number(process.env['ROUNDS'] ?? 3)
const recipeFile = resolve(process.env['RECIPE'] ?? join(root, 'recipes/debian-13-std.yaml'))

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Where this machine has its packages from, the mirrors of security apart, as the builder uses them. */
async function sourcesOf({ suites, components }: DebianBuild): Promise<readonly string[]> {
  const asked = ['indextargets', '--format', '$(ORIGIN) $(REPO_URI)', 'Created-By: Packages']
  const found = [...(await run('apt-get', asked)).matchAll(/^Debian (\S+?)\/?$/gm)]
  const mirrors = [...new Set(found.map(([, mirror = '']) => mirror))]
  return suites.flatMap((suite) => {
    const fitting = mirrors.filter((one) => one.includes('security') === suite.includes('security'))
    return fitting.map((mirror) => `deb ${mirror} ${suite} ${components.join(' ')}`)
  })
}

/** Into a folder on the disk that the builder uses, as it comes: without a cache, and with every safeguard of its own. */
async function alone(recipe: DebianBuild, sources: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'merge-image-mmdebstrap-'))
  const [suite = ''] = recipe.suites
  const options = [`--variant=${recipe.variant}`, `--include=${recipe.packages.join(',')}`]
  try {
    const began = performance.now()
    await run('mmdebstrap', ['--mode=root', ...options, suite, join(folder, 'root'), ...sources])
    return (performance.now() - began) / 1000
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Built {
  /** Until the image can be pulled, and until its checks are over. */
  readonly imageSeconds: number
  readonly seconds: number
  readonly storedBytes: number
  /** When each step began, and each check was over. */
  readonly steps: readonly string[]
}

/** From the order to the end of the build. */
async function build(channel: Channel, recipe: string): Promise<Built> {
  const builds = connect(BuildServiceService, channel)
  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  const request = RunBuildRequest.create({ requestId: randomUUID(), recipe, force: true })
  const name = (await builds.runBuild(request)).build?.name ?? ''
  const steps: string[] = []
  let imageSeconds = 0
  let last: Build | undefined
  for await (const { build, log } of builds.watchBuild(WatchBuildRequest.create({ name }))) {
    last = build ?? last
    if (imageSeconds === 0 && last?.imageTime !== undefined) imageSeconds = elapsed()
    for (const [, title = ''] of log.toString().matchAll(/^(?:== |check )(.*)$/gm)) {
      steps.push(`${elapsed().toFixed(1)} ${title}`)
    }
  }
  return {
    imageSeconds,
    seconds: elapsed(),
    storedBytes: await storedBytesOf(last, channel),
    steps,
  }
}

async function storedBytesOf(last: Build | undefined, channel: Channel): Promise<number> {
  if (last?.state !== BuildState.BUILD_STATE_DONE)
    throw new Error(`not built: ${last?.message ?? ''}`)
  const { image } = await connect(ImageServiceService, channel).getImage(
    GetImageRequest.create({ name: last.image }),
  )
  return Number(image?.storedBytes ?? 0n)
}

function tell({ imageSeconds, seconds, storedBytes, steps }: Built): void {
  const when = `image after ${imageSeconds.toFixed(1)} s, checked after ${seconds.toFixed(1)} s`
  say(`a build: ${when}, ${(storedBytes / 1e6).toFixed(0)} MB stored`)
  for (const step of steps) say(`    ${step}`)
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
const times = (numbers: readonly number[]): string => (median(numbers) / median(bare)).toFixed(2)
const spread = (numbers: readonly number[]): string =>
  `${median(numbers).toFixed(1)} (${Math.min(...numbers).toFixed(1)} – ${Math.max(...numbers).toFixed(1)})`

const text = readFileSync(recipeFile, 'utf8')
const recipe = parseRecipe(text)
if (recipe.builder !== 'mmdebstrap') throw new Error(`${recipeFile} is no recipe of mmdebstrap`)
const sources = await sourcesOf(recipe)

await using testbed = await startTestbed([], { insecure: true })
await testbed.startFacility('portal', [], ['--build', 'mmdebstrap'])
using channel = openChannel(testbed.portalAddress, 'admin')
const putting = PutRecipeRequest.create({ requestId: randomUUID(), name: 'bench', text })
await connect(BuildServiceService, channel).putRecipe(putting)
tell(await build(channel, 'bench'))

const bare: number[] = []
const made: number[] = []
const whole: number[] = []
for (let round = 0; round < rounds; round++) {
  const seconds = await alone(recipe, sources)
  say(`mmdebstrap alone: ${seconds.toFixed(1)} s`)
  bare.push(seconds)
  const built = await build(channel, 'bench')
  tell(built)
  made.push(built.imageSeconds)
  whole.push(built.seconds)
}
if (rounds > 0) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim()
  process.stdout
    .write(`Commit ${commit}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${rounds} rounds by turns.

| what | seconds (least – most) | times mmdebstrap |
|---|---|---|
| mmdebstrap alone | ${spread(bare)} | |
| a build, until its image can be pulled | ${spread(made)} | ${times(made)} |
| … and until its checks are over | ${spread(whole)} | ${times(whole)} |
`)
}
