import { mkdir } from 'node:fs/promises'
import { internal, Failure } from '../../lib/failure.ts'
import { parseDigest } from '../../lib/content/digest.ts'
import type { Former } from '../../lib/recipes/inputs.ts'
import { parseRecipe } from '../../lib/recipes/parse.ts'
import type {
  ClaimBuildResponse,
  FinishBuildRequest,
} from '../../proto/gen/merge/image/v1/build.ts'
import { ResolveImageRequest } from '../../proto/gen/merge/image/v1/resolver.ts'
import type { Recipe } from '../../lib/recipes/recipe.ts'
import type { Bench, Job, Outcome, Parent } from './bench.ts'
import type { BuilderDeps } from './builder.ts'
import { deliver } from './delivery.ts'
import { CalledOff, failureOf, Fault, fitting } from './fault.ts'
import { hold, type Held } from './holding.ts'
import { openJournal, type Journal } from './journal.ts'
import { watchLimits } from './limits.ts'
import { toolPath } from './toolpath.ts'
import { makeImage } from './making.ts'
import { patiently } from './patience.ts'
import { placesIn, type Environment, type Places } from './plan.ts'
import { removeTree } from './removing.ts'
import { carryOut } from './running.ts'

type Ending = NonNullable<FinishBuildRequest['outcome']>

/** Works on a build that was claimed until it has ended, and leaves nothing of it in the folder. */
export async function workOn(
  claim: string,
  claimed: ClaimBuildResponse,
  deps: BuilderDeps,
  signal: AbortSignal,
): Promise<void> {
  const { upstream, clock, log } = deps
  const build = claimed.build?.name
  const places = placesIn(deps.folder)
  log.info({ build, image: claimed.build?.image }, 'building')
  try {
    for (const path of [places.output, places.inputs, places.temporary]) {
      await mkdir(path, { recursive: true })
    }
    const offset = Number(claimed.build?.logBytes ?? 0n)
    using journal = openJournal(places.log, logRoom(claimed, offset))
    await using held = hold(claim, offset, journal, { builds: upstream.builds, clock })
    const outcome = await ending(claim, claimed, { places, journal, held }, deps, signal)
    log.info({ build, outcome: outcome?.$case ?? 'done or lost' }, 'build ended')
    if (outcome === undefined) return
    await held.flushed(signal).catch(() => undefined)
    // Whoever hears that it has ended finds nothing of it any more.
    await removed(places, log)
    await patiently(
      () => upstream.builds.finishBuild({ claim, outcome }, { signal }),
      clock,
      signal,
    )
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'BUILD_LOST') throw error
    log.info({ build }, 'build lost')
  } finally {
    await removed(places, log)
  }
}

/** A folder that stays keeps nobody from hearing how the build ended. */
async function removed({ folder }: Places, log: BuilderDeps['log']): Promise<void> {
  await removeTree(folder).catch((error: unknown) => {
    log.error({ err: error, folder }, 'what a build left cannot be removed')
  })
}

interface Desk {
  readonly places: Places
  readonly journal: Journal
  readonly held: Held
}

/** The limit is the build's, over all its attempts. A recipe that nobody can read fails later, and says so. */
function logRoom({ recipe }: ClaimBuildResponse, offset: number): number {
  try {
    return Math.max(0, parseRecipe(recipe?.text ?? '').limits.logBytes - offset)
  } catch {
    return 64 * 1024
  }
}

/** How the build ends; undefined where the portal knows already, or will find out. */
async function ending(
  claim: string,
  claimed: ClaimBuildResponse,
  desk: Desk,
  deps: BuilderDeps,
  signal: AbortSignal,
): Promise<Ending | undefined> {
  const over = new AbortController()
  const stopping = AbortSignal.any([signal, desk.held.signal, over.signal])
  let watching: Promise<void> | undefined
  const end = (why: unknown): void => {
    over.abort(why)
  }
  try {
    const job = await readJob(claimed, deps, stopping)
    watching = watchLimits(desk.places.folder, job.recipe.limits, deps, end, stopping)
    const bench = benchOf(job, desk, deps, stopping)
    const outcome = await makeImage(job, bench)
    if (outcome.kind === 'skipped') return skippedEnding(outcome)
    await deliver(claim, job, outcome.product, { ...deps, bench, held: desk.held })
    return undefined
  } catch (error) {
    return endingOf(stopping.aborted ? stopping.reason : error, deps, signal)
  } finally {
    over.abort()
    await watching
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
  const at = facility === 'portal' ? {} : { facility }
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

function endingOf(error: unknown, { log }: BuilderDeps, signal: AbortSignal): Ending | undefined {
  if (signal.aborted) return undefined
  if (error instanceof CalledOff) {
    return error.why === 'cancelled' ? { $case: 'cancelled', value: {} } : undefined
  }
  if (error instanceof Failure && error.reason === 'BUILD_LOST') return undefined
  if (!(error instanceof Fault)) log.error({ err: error }, 'build failed unexpectedly')
  const blame = error instanceof Fault ? error.blame : 'BUILDER'
  const message = error instanceof Error ? error.message : String(error)
  return { $case: 'failed', value: { failure: failureOf(blame), message: fitting(message) } }
}
