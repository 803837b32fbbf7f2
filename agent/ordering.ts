import type { Clock } from '../lib/chunks/clock.ts'
import { internal, unavailable } from '../lib/failure.ts'
import { parseRecipe } from '../lib/recipes/parse.ts'
import type { BuilderName } from '../lib/recipes/recipe.ts'
import { RunBuildRequest, type Build } from '../proto/gen/merge/image/v1/build.ts'
import type { BuildRequest, BuildResponse } from '../proto/gen/merge/image/v1/local.ts'
import { PutRecipeRequest } from '../proto/gen/merge/image/v1/recipe.ts'
import { isAway } from './build/patience.ts'
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
  const { facility, upstream, newUuid } = deps
  demandBuilder(parseRecipe(text).builder, deps.builders)
  const full = `${facility}/${name}`
  const put = PutRecipeRequest.create({ requestId: newUuid(), name: full, text })
  const { recipe } = await upstream.builds.putRecipe(put, { signal })
  const run = RunBuildRequest.create({
    ...{ requestId: newUuid(), recipe: full, version: recipe?.version ?? 0, force, reason },
  })
  const { build } = await upstream.builds.runBuild(run, { signal })
  if (build === undefined)
    throw internal('INTERNAL', 'The portal queued a build and kept it to itself.')
  yield { build, log: nothing }
  yield* watchThrough(build, deps, signal)
}

const nothing = Buffer.alloc(0)
const pauseMs = 1_000

/** Watches a build to its end, over restarts of the portal; nothing of the log is lost or told twice. */
async function* watchThrough(
  { name }: Build,
  { upstream, clock }: OrderDeps,
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
