import { inputsDigest, worthBuilding } from '../../lib/recipes/inputs.ts'
import type { Digest } from '../../lib/content/digest.ts'
import type { PackageVersion } from '../../lib/recipes/inputs.ts'
import type { CommandBuild, Recipe } from '../../lib/recipes/recipe.ts'
import type { Bench, Job, Outcome, Product } from './bench.ts'
import { look, tryOut, type Checked, type Verdict } from './checks.ts'
import { resolveDebian } from './debian.ts'
import { resolveFedora } from './fedora.ts'
import { finishDisk } from './finishing.ts'
import { runCommand } from './output.ts'
import { nativeWords, parseSimulated, parseTransaction } from './packages.ts'
import { gathered } from './gathering.ts'
import { finishTree, fillTree, type Tree } from './filling.ts'

/** Makes the image of a job, or finds that there is nothing to make. */
export async function makeImage(job: Job, bench: Bench): Promise<Outcome> {
  const early = await resolveEarly(job, bench)
  const known = early === undefined ? undefined : skipped(job, early, bench)
  if (known !== undefined) return known
  const { recipe } = job
  if (recipe.builder === 'command') {
    const output = await runCommand({ ...job, recipe }, bench)
    if (output.kind === 'tree')
      return madeOf(job, await finishTree(job, output, undefined, bench), bench)
    return madeOf(job, await finishDisk(job, output, bench), bench)
  }
  const tree = await fillTree({ ...job, recipe }, bench)
  const inputs = inputsOf(job, tree.packages)
  bench.journal.say(`inputs: sha256:${inputs}, ${tree.packages.length} packages`)
  return (
    skipped(job, inputs, bench) ?? madeOf(job, await finishTree(job, tree, inputs, bench), bench)
  )
}

function inputsOf({ recipe, parent }: Job, packages: readonly PackageVersion[]): Digest {
  return inputsDigest(recipe, packages, parent?.digest)
}

/** What the image would be made of, where that can be told in seconds and would matter. */
async function resolveEarly(job: Job, bench: Bench): Promise<Digest | undefined> {
  const { recipe, former, force } = job
  if (recipe.builder === 'command' || former?.inputs === undefined || force) return undefined
  if (recipe.schedule?.unchanged === 'build') return undefined
  bench.tell({ step: 'resolving the packages' })
  const packages = await resolved(recipe, bench)
  bench.journal.say(`resolved ${packages.length} packages`)
  return inputsOf(job, packages)
}

async function resolved(
  recipe: Exclude<Recipe, CommandBuild>,
  { places, machine, cache, carryOut }: Bench,
): Promise<readonly PackageVersion[]> {
  const output = gathered()
  const native = nativeWords(recipe.line.arch)
  if (recipe.builder === 'dnf') {
    await carryOut(resolveFedora(recipe, places, cache), output.listen)
    return parseTransaction(output.text(), native)
  }
  await carryOut([resolveDebian(recipe, places, machine.mirrors)], output.listen)
  return parseSimulated(output.text(), native)
}

function skipped(job: Job, inputs: Digest, { journal }: Bench): Outcome | undefined {
  const { former, force, recipe } = job
  const unchanged = recipe.schedule?.unchanged ?? 'skip'
  const worth = worthBuilding(inputs, former, { force, unchanged })
  journal.say(worth.reason)
  return worth.kind === 'skip' ? { kind: 'skipped', image: worth.image, inputs } : undefined
}

/** What becomes an image: files, and what is known of them. */
export interface Disk extends Omit<Tree, 'kind'>, Omit<Checked, 'packages'> {
  readonly inputs: Digest | undefined
}

function madeOf(job: Job, disk: Disk, bench: Bench): Outcome {
  const { packages, inputs } = disk
  const image = { ...disk, packages: packages.length }
  const say = ({ name, outcome, message }: Verdict): void => {
    bench.journal.say(`check ${name}: ${outcome}: ${message}`)
  }
  const looked: Product['look'] = async (signal) => {
    const verdicts = await look(job.recipe, image, stoppedBy(signal, bench))
    for (const verdict of verdicts) say(verdict)
    return verdicts
  }
  const triedOut: Product['tryOut'] = async (stored, signal) => {
    const verdict = await tryOut(job.recipe, image, stored, stoppedBy(signal, bench))
    say(verdict)
    return verdict
  }
  const product = { files: filesOf(job, disk), packages, inputs, look: looked, tryOut: triedOut }
  return { kind: 'made', product }
}

/** A bench whose work another signal ends too. */
function stoppedBy(signal: AbortSignal, bench: Bench): Bench {
  return {
    ...bench,
    signal,
    carryOut: (steps, listen, stop = signal) => bench.carryOut(steps, listen, stop),
  }
}

function filesOf({ recipe }: Job, { rootfs, format, kernel, initramfs }: Disk): Product['files'] {
  const [only, other] = recipe.boot
  const boot = only === undefined || other !== undefined ? 'any' : only
  return [
    { kind: 'rootfs', path: rootfs, container: format, boot },
    ...(kernel === undefined ? [] : [{ kind: 'kernel', path: kernel, container: 'raw' } as const]),
    ...(initramfs === undefined
      ? []
      : [{ kind: 'initramfs', path: initramfs, container: 'raw' } as const]),
  ]
}
