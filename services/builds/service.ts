import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { precondition, unavailable, type Failure } from '../../lib/failure.ts'
import { parseRecipeName, renderRecipeName } from '../../lib/recipes/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  Build,
  BuildServiceService,
  BuildTrigger,
  type WatchBuildResponse,
} from '../../proto/gen/merge/image/v1/build.ts'
import { announceBuild, type BuildNews } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { cutPage, parsePage } from '../pages.ts'
import { getRecipe, noRecipe } from '../recipes/service.ts'
import { demandShort } from '../remark.ts'
import { queueImport } from '../sources/importing.ts'
import { findImport, repeated } from '../sources/imports.ts'
import { cancelledBy, endBuild } from './ending.ts'
import { readLog } from './logs.ts'
import { getBuild, listBuilds, lockBuild, type BuildRow } from './queries.ts'
import { queueBuild, type Wish } from './queue.ts'
import { buildStateName, renderBuild } from './render.ts'
import { reportBuild } from './report.ts'

type Handlers = Pick<
  Service<typeof BuildServiceService, [call: Call]>,
  | 'runBuild'
  | 'getBuild'
  | 'listBuilds'
  | 'cancelBuild'
  | 'retryBuild'
  | 'watchBuild'
  | 'readBuildLog'
  | 'reportBuild'
>

const pollMs = 5_000
const ask = { scheduleTime: null, retryOf: null } as const

/** What people ask of builds. */
export function buildHandlers(deps: {
  readonly sql: Sql
  readonly blobs: Pick<BlobStore, 'range' | 'stat'>
  readonly news: BuildNews
  readonly now: () => Date
  readonly newUlid: () => string
}): Handlers {
  const { sql, news, newUlid } = deps
  const { runBuild, cancelBuild, retryBuild } = BuildServiceService
  return {
    async runBuild(request, { caller }) {
      const name = renderRecipeName(parseRecipeName(request.recipe))
      demandShort({ reason: request.reason })
      return once(sql, runBuild, caller, request, async (tx) => {
        const recipe = await getRecipe(tx, name, request.version)
        if (recipe.deleteTime !== null) throw noRecipe(name)
        const { force, reason } = request
        const wish = { ...ask, trigger: BuildTrigger.BUILD_TRIGGER_PERSON, force, reason }
        const made = await queueBuild(tx, recipe, { ...wish, requester: caller.name }, newUlid)
        return { build: renderBuild(await getBuild(tx, made)) }
      })
    },

    async getBuild({ name }) {
      return { build: renderBuild(await getBuild(sql, name)) }
    },

    async listBuilds(request) {
      const { namespace, recipe, source } = request
      const filter = { namespace, recipe, source, state: buildStateName(request.state) }
      const page = parsePage(request, filter)
      const found = await listBuilds(sql, filter, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name, filter)
      return { builds: rows.map(renderBuild), nextPageToken }
    },

    async cancelBuild(request, { caller }) {
      return once(sql, cancelBuild, caller, request, async (tx) => {
        const build = await lockBuild(tx, request.name)
        if (build.state !== 'cancelled' && build.endTime !== null) throw hasEnded(build)
        if (build.endTime === null && build.canceller === '') {
          await tx`update build set canceller = ${caller.name} where name = ${build.name}`
          if (build.state === 'queued') {
            await endBuild(tx, build, { state: 'cancelled', message: cancelledBy(caller.name) })
          } else await announceBuild(tx, build.name)
        }
        return { build: renderBuild(await getBuild(tx, build.name)) }
      })
    },

    async retryBuild(request, { caller }) {
      demandShort({ reason: request.reason })
      return once(sql, retryBuild, caller, request, async (tx) => {
        const build = await getBuild(tx, request.name)
        if (build.state !== 'failed' && build.state !== 'cancelled') throw notAgain(build)
        const trigger = BuildTrigger.BUILD_TRIGGER_RETRY
        const wish = { ...ask, retryOf: build.name, trigger, force: build.force }
        const made = await queueAgain(
          tx,
          build,
          { ...wish, reason: request.reason, requester: caller.name },
          newUlid,
        )
        return { build: renderBuild(await getBuild(tx, made)) }
      })
    },

    async *watchBuild({ name, logOffset }, { signal, closing }) {
      const over = AbortSignal.any([signal, closing])
      let at = logOffset
      let told: Buffer | undefined
      while (!over.aborted) {
        // Listening begins before reading, so that no news falls between the two.
        const next = news.ofBuild(name, pollMs, over)
        const row = await getBuild(sql, name)
        const build = renderBuild(row)
        const bytes = Buffer.from(Build.encode({ ...build, logBytes: 0n }).finish())
        if (told?.equals(bytes) !== true) yield { ...nothing, build, logOffset: at }
        told = bytes
        for await (const { offset, data } of readLog(deps, name, at)) {
          yield { ...nothing, logOffset: offset, log: data }
          at = offset + BigInt(data.length)
        }
        // The look at the build came before the one at its log: if it had ended then, this is all of it.
        if (row.endTime !== null) {
          yield { ...nothing, build, logOffset: at }
          return
        }
        await next
      }
      throw unavailable('NOT_READY', 'The portal is stopping: watch again from where this ends.')
    },

    async *readBuildLog({ name, offset }) {
      for await (const part of readLog(deps, name, offset)) {
        yield { offset: part.offset, part: part.data }
      }
    },

    reportBuild: (request, { caller }) => reportBuild(deps, request, caller),
  }
}

/** Queues the same once more: of the same version of its recipe, or the same item of its source. */
async function queueAgain(
  tx: Transaction,
  build: BuildRow,
  wish: Wish,
  newUlid: () => string,
): Promise<string> {
  const { name, target, recipe, recipeVersion } = build
  if (recipe !== null) {
    return queueBuild(tx, await getRecipe(tx, recipe, recipeVersion ?? 0), wish, newUlid)
  }
  const row = await findImport(tx, name)
  if (row === undefined) throw notAgain(build)
  const again = repeated(row, target)
  return queueImport(tx, again.source, again.wish, wish, newUlid)
}

const nothing: WatchBuildResponse = { build: undefined, logOffset: 0n, log: Buffer.alloc(0) }

function hasEnded({ name, state }: BuildRow): Failure {
  return precondition('BUILD_ENDED', `${name} has ended: it is ${state}.`, { state })
}

function notAgain({ name, state, recipe, origin }: BuildRow): Failure {
  const why =
    recipe === null && origin === null
      ? 'it ran elsewhere, and is to be tried again there'
      : `it is ${state}, and only one that failed or was cancelled can be`
  return precondition('WRONG_STATE', `${name} is not tried again: ${why}.`, { state, build: name })
}
