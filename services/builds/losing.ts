import { BuildFailure } from '../../proto/gen/merge/image/v1/build.ts'
import { CheckOutcome } from '../../proto/gen/merge/image/v1/image.ts'
import { recordEvent } from '../audit/record.ts'
import type { Resource } from '../audit/resources.ts'
import { announceBuild, announceQueue } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { cancelledBy, endBuild } from './ending.ts'
import { noteInLog } from './logs.ts'
import { endMade, endWithImage, isMade, loseChecker, untold } from './made.ts'
import type { BuildRow } from './queries.ts'

// Builds that are taken from their builders: these went away, were too slow, or were told to stop.

/** What becomes of a locked build that runs and whose builder went away. */
export async function loseBuilder(
  tx: Transaction,
  build: BuildRow,
  newUlid: () => string,
): Promise<void> {
  const { name, canceller, attempt, maxAttempts, builder } = build
  const gone = `${builder} went away`
  await recordEvent(tx, { deed: 'lose-builder', resources: resourcesOf(build), reason: gone })
  if (canceller !== '') return endCancelled(tx, build)
  if (isMade(build)) return loseChecker(tx, build, newUlid)
  const times = `${attempt} of ${maxAttempts} times`
  if (attempt >= maxAttempts) {
    const message = `Its builders went away in the middle of it, ${times}; ${builder} was the last.`
    return endBuild(tx, build, {
      state: 'failed',
      failure: BuildFailure.BUILD_FAILURE_LOST,
      message,
    })
  }
  await noteInLog(tx, name, `${builder} went away (${times}); it begins anew`)
  await tx`
    update build set state = 'queued', claim = null, lease_time = null, step = '', done_count = 0, total_count = 0
    where name = ${name}`
  await announceBuild(tx, name)
  await announceQueue(tx, build.facility)
}

/** What becomes of a locked build that runs on long after its time, whatever its builder says of it. */
export async function endOverdue(tx: Transaction, build: BuildRow): Promise<void> {
  const { canceller, builder, timeLimitMs } = build
  const reason = 'its time is over'
  await recordEvent(tx, { deed: 'end-build', resources: resourcesOf(build), reason })
  if (canceller !== '') return endCancelled(tx, build)
  const limit = `${Math.round(Number(timeLimitMs) / 60_000)} minutes`
  const message = `It is over its limit of ${limit} by more than an hour, and ${builder} did not end it.`
  if (isMade(build)) {
    return endMade(tx, build, untold(build, CheckOutcome.CHECK_OUTCOME_FAILED, message))
  }
  return endBuild(tx, build, { state: 'failed', failure: BuildFailure.BUILD_FAILURE_TIME, message })
}

function resourcesOf(build: BuildRow): readonly Resource[] {
  const { name, recipe, origin } = build
  return [
    { kind: 'build', name },
    ...(isMade(build) ? [{ kind: 'image', name: build.image }] : []),
    ...(recipe === null ? [] : [{ kind: 'recipe', name: recipe }]),
    ...(origin === null ? [] : [{ kind: 'source', name: origin.source }]),
  ]
}

/** Ends a locked build that runs and that somebody wanted cancelled. */
export async function endCancelled(tx: Transaction, build: BuildRow): Promise<void> {
  const by = cancelledBy(build.canceller)
  if (!isMade(build)) return endBuild(tx, build, { state: 'cancelled', message: by })
  const message = `${by} ${build.image} is there already, and stays a candidate.`
  return endWithImage(tx, build, { state: 'cancelled', message })
}
