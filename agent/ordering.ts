import type { Clock } from '../lib/chunks/clock.ts'
import { internal, unavailable } from '../lib/failure.ts'
import { parseRecipe } from '../lib/recipes/parse.ts'
import type { BuilderName } from '../lib/recipes/recipe.ts'
import { RunBuildRequest, type Build } from '../proto/gen/merge/image/v1/build.ts'
import type { BuildRequest, BuildResponse } from '../proto/gen/merge/image/v1/local.ts'
import { PutRecipeRequest } from '../proto/gen/merge/image/v1/recipe.ts'
import { isAway, patiently } from './build/patience.ts'
import type { Upstream } from './upstream.ts'

export interface OrderDeps {
  readonly facility: string
  readonly upstream: Pick<Upstream, 'builds'>
  /** What this agent builds with. */
  readonly builders: readonly BuilderName[]
  readonly newUuid: () => string
  readonly clock: Clock
}

/** Has a recipe of the facility's kept and built, and tells how that goes; the build goes on whoever listens. */
export async function* orderBuild(
  { name, text, force, reason }: BuildRequest,
  deps: OrderDeps,
  signal: AbortSignal,
): AsyncGenerator<BuildResponse> {
  const { facility, upstream, newUuid, clock } = deps
  demandBuilder(parseRecipe(text).builder, deps.builders)
  const full = `${facility}/${name}`
  const put = PutRecipeRequest.create({ requestId: newUuid(), name: full, text })
  const options = { signal, deadlineMs: askMs }
  const { recipe } = await upstream.builds.putRecipe(put, options).catch((error: unknown) => {
    throw isAway(error) ? withoutPortal(error) : error
  })
  const run = RunBuildRequest.create({
    ...{ requestId: newUuid(), recipe: full, version: recipe?.version ?? 0, force, reason },
  })
  // The same request again gets the build that it queued, if the answer was lost.
  const ask = () => upstream.builds.runBuild(run, { signal })
  const { build } = await patiently(ask, clock, signal)
  if (build === undefined)
    throw internal('INTERNAL', 'The portal queued a build and kept it to itself.')
  yield { build, log: nothing }
  yield* watchThrough(build, deps, signal)
}

const askMs = 10_000

/**
 * A build begins with the portal or not at all: the recipe's version, the exact name that is written into the image and the
 * place in the facility's quota are the portal's to give, and none of them can be changed afterwards.
 */
function withoutPortal(cause: unknown) {
  const why = cause instanceof Error ? cause.message : String(cause)
  const text =
    `Nothing was built: the portal, which keeps the recipe and names the image, cannot be reached. ${why} ` +
    'Try again once "mrs-image status" says that it is; a build that has begun goes on without it, and is published when it is back.'
  return unavailable('NOT_READY', text, {}, cause)
}

const nothing = Buffer.alloc(0)
const pauseMs = 1_000

/** Watches a build to its end, over restarts of the portal; nothing of the log is lost or told twice. */
export async function* watchThrough(
  { name }: Pick<Build, 'name'>,
  { upstream, clock }: Pick<OrderDeps, 'upstream' | 'clock'>,
  signal: AbortSignal,
): AsyncGenerator<BuildResponse> {
  for (let logOffset = 0n; ;) {
    try {
      for await (const news of upstream.builds.watchBuild({ name, logOffset }, { signal })) {
        logOffset = news.logOffset + BigInt(news.log.length)
        yield { build: news.build, log: news.log }
      }
      return
    } catch (error) {
      if (signal.aborted || !isAway(error)) throw error
    }
    await clock.sleep(pauseMs, signal)
  }
}

function demandBuilder(wanted: BuilderName, builders: readonly BuilderName[]): void {
  if (builders.includes(wanted)) return
  const has = builders.length === 0 ? 'builds nothing' : `builds with ${builders.join(', ')} only`
  throw unavailable(
    'NOT_READY',
    `The recipe needs ${wanted}, and this agent ${has}: start it with --build ${[...builders, wanted].join(',')}.`,
  )
}
