import { internal } from '../../lib/failure.ts'
import { parseDigest } from '../../lib/content/digest.ts'
import type { Former } from '../../lib/recipes/inputs.ts'
import { parseRecipe } from '../../lib/recipes/parse.ts'
import type { ClaimBuildResponse } from '../../proto/gen/merge/image/v1/build.ts'
import { ResolveImageRequest } from '../../proto/gen/merge/image/v1/resolver.ts'
import { portalsOwn } from '../../lib/names/name.ts'
import type { Recipe } from '../../lib/recipes/recipe.ts'
import { attend, type Deed, type Desk, type Ending } from './attending.ts'
import type { Bench, Job, Outcome, Parent } from './bench.ts'
import type { BuilderDeps } from './builder.ts'
import { deliver } from './delivery.ts'
import { toolPath } from './toolpath.ts'
import { makeImage } from './making.ts'
import { patiently } from './patience.ts'
import type { Environment, Places } from './plan.ts'
import { carryOut } from './running.ts'

/** Works on a build that was claimed until it has ended, and leaves nothing of it in the folder. */
export async function workOn(
  claim: string,
  claimed: ClaimBuildResponse,
  deps: BuilderDeps,
  signal: AbortSignal,
): Promise<void> {
  const build: Deed = async (desk) => {
    const { stopping } = desk
    const job = await readJob(claimed, deps, stopping)
    desk.limit(job.recipe.limits)
    const bench = benchOf(job, desk, deps, stopping)
    const outcome = await makeImage(job, bench)
    if (outcome.kind === 'skipped') return skippedEnding(outcome)
    return deliver(claim, job, outcome.product, { ...deps, bench, held: desk.held })
  }
  await attend(claim, claimed, logLimit(claimed), build, deps, signal)
}

/** A recipe that nobody can read fails later, and says so. */
function logLimit({ recipe }: ClaimBuildResponse): number {
  try {
    return parseRecipe(recipe?.text ?? '').limits.logBytes
  } catch {
    return 64 * 1024
  }
}

async function readJob(
  { build, recipe: sent, former }: ClaimBuildResponse,
  deps: BuilderDeps,
  signal: AbortSignal,
): Promise<Job> {
  if (build === undefined || sent === undefined) {
    throw internal('INTERNAL', 'The portal gave a build and left out what it is.')
  }
  const recipe = parseRecipe(sent.text)
  return {
    ...{ build: build.name, image: build.image, target: build.target, recipe, force: build.force },
    ...{ recipeName: sent.name, recipeVersion: sent.version, recipeDigest: sent.digest },
    former: former && formerOf(former),
    parent: await parentOf(recipe, deps, signal),
    startTime: deps.now(),
  }
}

/** The image that the recipe's reference to its parent means now. */
async function parentOf(
  { parent: reference }: Recipe,
  { upstream, clock, facility }: BuilderDeps,
  signal: AbortSignal,
): Promise<Parent | undefined> {
  if (reference === undefined) return undefined
  const at = facility === portalsOwn ? {} : { facility }
  const request = ResolveImageRequest.create({ reference, ...at })
  const { image } = await patiently(
    () => upstream.resolver.resolveImage(request, { signal }),
    clock,
    signal,
  )
  return image
}

function formerOf({ image, inputsDigest }: { image: string; inputsDigest: string }): Former {
  return { image, inputs: inputsDigest === '' ? undefined : parseDigest(inputsDigest) }
}

function benchOf(
  job: Job,
  { places, journal, held }: Desk,
  deps: BuilderDeps,
  signal: AbortSignal,
): Bench {
  const { machine, cache, clock, now, facility, worker } = deps
  const environment = environmentIn(places, machine.proxies)
  const run = { folder: places.folder, environment, isRoot: machine.isRoot }
  return {
    ...{ places, machine, cache, environment, journal, clock, now, signal },
    builder: `agent:${facility} (${worker})`,
    tell: (stage) => {
      held.tell(stage)
    },
    async carryOut(steps, listen = journal.listen, stop = signal) {
      for (const step of steps) {
        if (step.kind === 'run') {
          held.tell({ step: step.title })
          journal.say(`== ${step.title}`)
        }
        await carryOut([step], run, listen, stop)
      }
    },
  }
}

/** What every command gets: nothing of the agent's own but the proxies. */
function environmentIn(places: Places, proxies: Environment): Environment {
  return {
    PATH: toolPath,
    HOME: '/root',
    TMPDIR: places.temporary,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
    ...proxies,
  }
}

function skippedEnding({ image, inputs }: Extract<Outcome, { kind: 'skipped' }>): Ending {
  return { $case: 'skipped', value: { image, inputsDigest: `sha256:${inputs}` } }
}
