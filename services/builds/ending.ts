import { whyPaused } from '../../lib/recipes/schedule.ts'
import { BuildFailure } from '../../proto/gen/merge/image/v1/build.ts'
import { recordEvent } from '../audit/record.ts'
import { announceBuild, announceQueue } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { pauseRecipe } from '../recipes/queries.ts'
import { tellSource } from '../sources/failing.ts'
import { digestLog, noteInLog } from './logs.ts'
import type { BuildRow } from './queries.ts'

/** How a build ends. */
export type BuildEnd =
  | {
      readonly state: 'done'
      /** Undefined where nobody knows, or it was told with the image. */
      readonly inputs: string | undefined
      readonly message?: string
    }
  | { readonly state: 'failed'; readonly failure: BuildFailure; readonly message: string }
  | { readonly state: 'cancelled'; readonly message: string }
  | {
      readonly state: 'skipped'
      readonly message: string
      readonly inputs: string
      readonly unchangedImage: string
    }

/** Ends a build that is locked and has not ended: once, and with it its log. */
export async function endBuild(tx: Transaction, build: BuildRow, end: BuildEnd): Promise<void> {
  const { name } = build
  const message = end.message ?? ''
  const failure = end.state === 'failed' ? end.failure : 0
  const inputs = 'inputs' in end ? (end.inputs ?? null) : null
  const unchangedImage = end.state === 'skipped' ? end.unchangedImage : null
  const made = end.state === 'done' && build.image !== null ? `made ${build.image}` : end.state
  await noteInLog(tx, name, message === '' ? made : `${end.state}: ${message}`)
  await tx`
    update build set state = ${end.state}, end_time = now(), lease_time = null, failure = ${failure},
      message = ${message}, inputs_digest = coalesce(decode(${inputs}::text, 'hex'), inputs_digest),
      unchanged_image = ${unchangedImage},
      log_digest = decode(${await digestLog(tx, name)}, 'hex')
    where name = ${name}`
  if (end.state === 'skipped') await giveNameBack(tx, build)
  await tellRecipe(tx, build, end.state, message)
  await announceBuild(tx, name)
  await announceQueue(tx, build.facility)
}

/**
 * A build that found nothing to make has no use for its name: no claim of it commits an image any more. If there were other tries,
 * one of them may have left a disk that has the name inside.
 */
async function giveNameBack(tx: Transaction, { name, attempt }: BuildRow): Promise<void> {
  if (attempt > 1) return
  await tx`update build set image = null, day = null, serial = null where name = ${name}`
}

/** Counts the failures of a recipe, or of a source, in a row, and pauses its schedule at so many. */
async function tellRecipe(
  tx: Transaction,
  { recipe, origin, pauseAfter }: BuildRow,
  state: BuildEnd['state'],
  message: string,
): Promise<void> {
  if (state === 'cancelled') return
  if (origin !== null) {
    const end = state === 'failed' ? { failed: message } : 'well'
    await tellSource(tx, { source: origin.source, pauseAfter }, end)
  }
  if (recipe === null) return
  const [row] = await tx<{ failures: number }[]>`
    update recipe set failures = case when ${state} = 'failed' then failures + 1 else 0 end
    where name = ${recipe} returning failures`
  const why = whyPaused(row?.failures ?? 0, pauseAfter, message)
  if (state === 'failed' && why !== '') await pause(tx, recipe, why)
}

/** Holds the schedule of a recipe, for a reason that the portal has. */
export async function pause(tx: Transaction, recipe: string, reason: string): Promise<void> {
  const isHeld = await pauseRecipe(tx, recipe, reason)
  const resources = [{ kind: 'recipe', name: recipe }]
  if (isHeld) await recordEvent(tx, { deed: 'pause-recipe', resources, reason })
}

export function cancelledBy(canceller: string): string {
  return `${canceller} cancelled it.`
}
