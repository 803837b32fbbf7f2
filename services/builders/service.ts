import { parseDigest } from '../../lib/content/digest.ts'
import { invalid, missing, precondition, type Failure } from '../../lib/failure.ts'
import { archOf } from '../../lib/names/catalogue.ts'
import { dayOf } from '../../lib/names/day.ts'
import { portalsOwn } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  BuildFailure,
  BuildServiceService,
  type ClaimBuildRequest,
  type ClaimBuildResponse,
  type FinishBuildRequest,
} from '../../proto/gen/merge/image/v1/build.ts'
import { CheckOutcome } from '../../proto/gen/merge/image/v1/image.ts'
import { recordCall } from '../audit/record.ts'
import { parseChecks } from '../builds/checks.ts'
import { endBuild, type BuildEnd } from '../builds/ending.ts'
import { endCancelled } from '../builds/losing.ts'
import { appendLog, partBytes } from '../builds/logs.ts'
import { endMade, endWithImage, isMade, untold } from '../builds/made.ts'
import { getBuild, type BuildRow, type CheckRow } from '../builds/queries.ts'
import { digestText, renderBuild } from '../builds/render.ts'
import { announceBuild, type BuildNews } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { findImage } from '../images/queries.ts'
import { findRecipe } from '../recipes/queries.ts'
import { renderRecipe } from '../recipes/render.ts'
import { findImport, newestOf, renderOrder } from '../sources/imports.ts'
import { demandClaim, demandWait, lookFor } from '../waiting.ts'
import { byClaim, claimBuild, formerBuild, lockClaimed, lost, renewClaim } from './claiming.ts'
import type { Room, Worker } from './claiming.ts'

type Handlers = Pick<
  Service<typeof BuildServiceService, [call: Call]>,
  'claimBuild' | 'heartbeatBuild' | 'appendBuildLog' | 'finishBuild'
>

/** What builders ask. */
export function builderHandlers(deps: {
  readonly sql: Sql
  readonly news: BuildNews
  readonly now: () => Date
  readonly clock: () => number
  readonly newUlid: () => string
  readonly room: Room
}): Handlers {
  const { sql, news, now, clock, newUlid, room } = deps
  const { finishBuild } = BuildServiceService
  return {
    async claimBuild(request, { caller, signal, closing }) {
      const worker: Worker = { ...parseWorker(request), caller }
      const build = await lookFor(
        () => claimBuild(sql, worker, room, dayOf(now()), newUlid),
        (withinMs, over) => news.ofQueue(worker.facility, withinMs, over),
        { waitSeconds: request.waitSeconds, clock, signal, closing },
      )
      return build === undefined ? nothingToDo : renderClaimed(sql, build)
    },

    async heartbeatBuild({ claim, progress }, { caller }) {
      demandClaim(claim)
      const { step = '', done = 0n, total = 0n } = progress ?? {}
      if (step.length > 200) throw wrong('progress', 'A step is told in 200 characters at most.')
      return sql.begin(async (tx) => {
        const { name, canceller } = await lockClaimed(tx, claim, caller)
        if (progress !== undefined) {
          await tx`
            update build set step = ${step}, done_count = ${done}, total_count = ${total} where name = ${name}`
          await announceBuild(tx, name)
        }
        return { cancelled: canceller !== '', expireTime: await renewClaim(tx, name) }
      })
    },

    async appendBuildLog({ claim, offset, data }, { caller }) {
      demandClaim(claim)
      if (data.length === 0 || data.length > partBytes) {
        throw wrong(
          'data',
          `A part of a log has 1 to ${partBytes} bytes, and this has ${data.length}.`,
        )
      }
      return sql.begin(async (tx) => {
        const build = await lockClaimed(tx, claim, caller)
        const logBytes = await appendLog(tx, build, { offset, data })
        await renewClaim(tx, build.name)
        await announceBuild(tx, build.name)
        return { logBytes, cancelled: build.canceller !== '' }
      })
    },

    async finishBuild(request, { caller }) {
      demandClaim(request.claim)
      const end = parseEnd(request)
      return sql.begin(async (tx) => {
        const build = await byClaim(tx, request.claim, caller)
        if (build === undefined) throw lost(undefined)
        const isFirst = build.state === 'running'
        if (isFirst) await endAs(tx, build, end)
        const answer = { build: renderBuild(await getBuild(tx, build.name)) }
        if (isFirst) await recordCall(tx, finishBuild, caller, request, answer)
        return answer
      })
    },
  }
}

const nothingToDo: ClaimBuildResponse = {
  build: undefined,
  recipe: undefined,
  former: undefined,
  expireTime: undefined,
  order: undefined,
}

function parseWorker(request: ClaimBuildRequest): Omit<Worker, 'caller'> {
  const { claim, holding, worker, kinds, archs, waitSeconds, facility } = request
  for (const one of [claim, ...holding]) demandClaim(one)
  if (!/^[\x21-\x7e]{1,64}$/.test(worker)) {
    throw wrong('worker', 'worker has 1 to 64 characters, none of them a space.')
  }
  if (holding.length > 1000) throw wrong('holding', 'A worker holds 1000 claims at most.')
  if (kinds.length === 0 || kinds.length > 16) throw wrong('kinds', 'kinds names 1 to 16 builders.')
  if (archs.length === 0 || archs.length > 16 || archs.some((arch) => archOf(arch) !== arch)) {
    throw wrong('archs', 'archs names the architectures to build for: x86, aarch64 or riscv64.')
  }
  demandWait(waitSeconds)
  const at = facility === portalsOwn ? null : facility
  return { claim, facility: at, worker, holding, kinds, archs }
}

async function renderClaimed(sql: Sql, build: BuildRow): Promise<ClaimBuildResponse> {
  const { recipe: name, recipeVersion, leaseTime } = build
  if (name === null) return renderImport(sql, build)
  const recipe = await findRecipe(sql, name, recipeVersion ?? 0)
  const former = await formerBuild(sql, name)
  return {
    build: renderBuild(build),
    recipe: recipe === undefined ? undefined : renderRecipe(recipe),
    former: former && { image: former.image, inputsDigest: digestText(former.inputs), digest: '' },
    expireTime: leaseTime ?? undefined,
    order: undefined,
  }
}

async function renderImport(sql: Sql, build: BuildRow): Promise<ClaimBuildResponse> {
  const row = await findImport(sql, build.name)
  if (row === undefined) return nothingToDo
  const former = await newestOf(sql, build.target)
  return {
    build: renderBuild(build),
    recipe: undefined,
    former: former && {
      image: former.image,
      inputsDigest: digestText(former.inputs),
      digest: digestText(former.digest),
    },
    expireTime: build.leaseTime ?? undefined,
    order: renderOrder(row),
  }
}

/** How a builder says that a build ended. */
type Told =
  | Exclude<BuildEnd, { readonly state: 'done' }>
  | { readonly state: 'made'; readonly checks: readonly CheckRow[] }

function parseEnd({ outcome }: FinishBuildRequest): Told {
  switch (outcome?.$case) {
    case 'failed': {
      const { failure, message } = outcome.value
      const isKnown = (Object.values(BuildFailure) as number[]).includes(failure)
      const isOurs =
        failure === BuildFailure.BUILD_FAILURE_UNSPECIFIED ||
        failure === BuildFailure.BUILD_FAILURE_LOST
      if (!isKnown || isOurs) throw wrong('failure', 'failure says why the build failed.')
      if (message.length === 0 || message.length > 2000) {
        throw wrong('message', 'message says in 1 to 2000 characters why the build failed.')
      }
      return { state: 'failed', failure, message }
    }
    case 'cancelled':
      return { state: 'cancelled', message: 'Its builder ended it.' }
    case 'skipped': {
      const { image, inputsDigest } = outcome.value
      const message = `The inputs are those of ${image}: there is nothing to make.`
      return { state: 'skipped', message, inputs: parseDigest(inputsDigest), unchangedImage: image }
    }
    case 'made':
      return { state: 'made', checks: parseChecks(outcome.value.checks) }
    case undefined:
      throw wrong('outcome', 'outcome says how the build ended.')
  }
}

/** What was to be cancelled is cancelled, whatever came of it; and what made its image does not fail any more. */
async function endAs(tx: Transaction, build: BuildRow, end: Told): Promise<void> {
  if (build.canceller !== '') return endCancelled(tx, build)
  if (isMade(build)) {
    if (end.state === 'made') return endMade(tx, build, end.checks)
    if (end.state === 'failed') {
      return endMade(tx, build, untold(build, CheckOutcome.CHECK_OUTCOME_FAILED, end.message))
    }
    if (end.state === 'cancelled') return endWithImage(tx, build, end)
  } else if (end.state !== 'made') {
    if (end.state === 'skipped') await demandImage(tx, end.unchangedImage)
    return endBuild(tx, build, inWords(build, end))
  }
  const what = isMade(build) ? 'has made its image' : 'has made no image'
  throw precondition('WRONG_STATE', `${build.name} ${what}: it cannot end as ${end.state}.`, {
    state: build.state,
  })
}

/** An import has bytes, where a build has inputs. */
function inWords({ origin }: BuildRow, end: BuildEnd): BuildEnd {
  if (origin === null || end.state !== 'skipped') return end
  const message = `The bytes are those of ${end.unchangedImage}: there is nothing to import.`
  return { ...end, message }
}

async function demandImage(sql: Parameters<typeof findImage>[0], image: string): Promise<void> {
  if ((await findImage(sql, image)) !== undefined) return
  throw missing('NOT_FOUND', `There is no image ${image} that a build could be like.`, {
    name: image,
  })
}

function wrong(field: string, message: string): Failure {
  return invalid('INVALID_FIELD', message, { field })
}
