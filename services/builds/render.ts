import {
  BuildState,
  type Build,
  type BuildFailure,
  type BuildTrigger,
} from '../../proto/gen/merge/image/v1/build.ts'
import type { CheckKind, CheckOutcome, ImportOrigin } from '../../proto/gen/merge/image/v1/image.ts'
import type { BuilderKind } from '../../proto/gen/merge/image/v1/recipe.ts'
import { renderParts } from '../sources/parts.ts'
import type { BuildRow, BuildStateName, CheckRow, OriginRow } from './queries.ts'

const states: Readonly<Record<BuildStateName, BuildState>> = {
  queued: BuildState.BUILD_STATE_QUEUED,
  running: BuildState.BUILD_STATE_RUNNING,
  done: BuildState.BUILD_STATE_DONE,
  failed: BuildState.BUILD_STATE_FAILED,
  cancelled: BuildState.BUILD_STATE_CANCELLED,
  skipped: BuildState.BUILD_STATE_SKIPPED,
}

export function renderBuild(row: BuildRow): Build {
  const { name, target, requester, reason, force, builder, attempt, maxAttempts, message } = row
  const { doneCount: done, totalCount: total, step, canceller, state, createTime, link } = row
  return {
    ...{
      name,
      target,
      requester,
      reason,
      force,
      canceller,
      message,
      builder,
      attempt,
      maxAttempts,
    },
    recipe: row.recipe ?? '',
    recipeVersion: row.recipeVersion ?? 0,
    builderKind: row.kind as BuilderKind,
    trigger: row.trigger as BuildTrigger,
    retryOf: row.retryOf ?? '',
    state: states[state],
    stopping: state === 'running' && canceller !== '',
    failure: row.failure as BuildFailure,
    progress: step === '' && total === 0n ? undefined : { step, done, total },
    createTime,
    ...renderTimes(row),
    image: row.image ?? '',
    inputsDigest: digestText(row.inputs),
    unchangedImage: row.unchangedImage ?? '',
    checks: renderChecks(row.checks),
    logBytes: row.logBytes,
    logDigest: digestText(row.logSha256),
    link,
    origin: renderOrigin(row.origin),
  }
}

/** What an import imports; undefined for what was built. */
export function renderOrigin(row: OriginRow | null): ImportOrigin | undefined {
  return row === null ? undefined : { ...row, parts: renderParts(row.parts) }
}

function renderTimes({ scheduleTime, startTime, endTime, logGoneTime, imageTime }: BuildRow) {
  return {
    scheduleTime: scheduleTime ?? undefined,
    startTime: startTime ?? undefined,
    endTime: endTime ?? undefined,
    logGoneTime: logGoneTime ?? undefined,
    imageTime: imageTime ?? undefined,
  }
}

export function renderChecks(rows: readonly CheckRow[] | null) {
  return (rows ?? []).map(({ kind, outcome, message }) => ({
    kind: kind as CheckKind,
    outcome: outcome as CheckOutcome,
    message,
  }))
}

export function digestText(hex: string | null): string {
  return hex === null ? '' : `sha256:${hex}`
}

/** The state as the database writes it; empty for "any". */
export function buildStateName(state: BuildState): BuildStateName | '' {
  const found = Object.entries(states).find(([, value]) => value === state)
  return found === undefined ? '' : (found[0] as BuildStateName)
}
