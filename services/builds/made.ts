import { Failure, invalid } from '../../lib/failure.ts'
import { BuildTrigger } from '../../proto/gen/merge/image/v1/build.ts'
import { CheckOutcome } from '../../proto/gen/merge/image/v1/image.ts'
import { recordEvent } from '../audit/record.ts'
import type { Transaction } from '../db/open.ts'
import { newGeneration } from '../generation.ts'
import { lockImage } from '../images/queries.ts'
import { lockSubject, stand } from '../images/standing.ts'
import { getRecipe } from '../recipes/service.ts'
import { unpassedOf } from './checks.ts'
import { endBuild, type BuildEnd } from './ending.ts'
import { keepChecks, type BuildRow, type CheckRow } from './queries.ts'
import { queueBuild } from './queue.ts'

// Builds whose images are there while their last checks still run.

/** A build, and the exact name of the image that it made. */
export type MadeRow = BuildRow & { readonly image: string; readonly imageTime: Date }

export function isMade(build: BuildRow): build is MadeRow {
  return build.imageTime !== null && build.image !== null
}

/** Ends a locked build with what the last checks came to, and releases its image if its recipe wants that and nothing is in the way. */
export async function endMade(
  tx: Transaction,
  build: MadeRow,
  last: readonly CheckRow[],
  message = '',
): Promise<void> {
  const before = build.checks ?? []
  const twice = last.some(({ kind }) => before.some((one) => one.kind === kind))
  if (twice) {
    const text = 'A check was told when the image was made: it is not told again.'
    throw invalid('INVALID_FIELD', text, { field: 'checks' })
  }
  await keepChecks(tx, build.name, last)
  const isSound = unpassedOf(build.requiredChecks, [...before, ...last]).length === 0
  const end = { state: 'done', inputs: undefined, message } as const
  if (build.releases && isSound) await endReleased(tx, build, end)
  else await endWithImage(tx, build, end)
}

/** Ends a build and releases its image, unless somebody decided otherwise while it was checked. */
async function endReleased(tx: Transaction, build: MadeRow, end: BuildEnd): Promise<void> {
  // Its line before the recipe, which the build's end locks, and that before aliases and names, which the release does.
  const subject = await lockSubject(tx, { name: build.image, etag: '', reason: '' })
  if (subject.state !== 'candidate') return endWithImage(tx, build, end)
  await endBuild(tx, build, end)
  const released = { state: 'released', heldBack: false, replacement: null } as const
  await stand(tx, subject, released, { actor: build.builder, reason: 'its checks passed' })
}

/** Ends a build whose image is there, which says from now on how that was. */
export async function endWithImage(tx: Transaction, build: MadeRow, end: BuildEnd): Promise<void> {
  await lockImage(tx, build.image)
  await endBuild(tx, build, end)
  await newGeneration(tx, { images: [build.image] })
}

/** The checks that nobody told of and that its release needs, as they came to nothing. */
export function untold(
  { checks, requiredChecks }: MadeRow,
  outcome: CheckOutcome.CHECK_OUTCOME_FAILED | CheckOutcome.CHECK_OUTCOME_SKIPPED,
  message: string,
): readonly CheckRow[] {
  const told = (checks ?? []).map(({ kind }) => kind)
  const absent = requiredChecks.filter((kind) => !told.includes(kind))
  return absent.map((kind) => ({ kind, outcome, message }))
}

/** What becomes of a locked build whose builder went away while its image was checked: the image stays a candidate, and another one is built. */
export async function loseChecker(
  tx: Transaction,
  build: MadeRow,
  newUlid: () => string,
): Promise<void> {
  const gone = `${build.builder} went away while the image was checked`
  const skipped = untold(build, CheckOutcome.CHECK_OUTCOME_SKIPPED, `${gone}.`)
  await endMade(tx, build, skipped, await retried(tx, build, gone, newUlid))
}

/** Queues another build instead, as often as a build is tried; says which, or why there is none. */
async function retried(
  tx: Transaction,
  build: MadeRow,
  gone: string,
  newUlid: () => string,
): Promise<string> {
  const { name, recipe, recipeVersion, attempt, maxAttempts, requester } = build
  const attempts = maxAttempts - attempt
  if (recipe === null || attempts < 1) {
    return `${gone}, ${attempt} of ${maxAttempts} times: the image stays a candidate.`
  }
  const trigger = BuildTrigger.BUILD_TRIGGER_RETRY
  const reason = `${gone}.`
  const wish = { trigger, requester, reason, retryOf: name, scheduleTime: null, force: true }
  try {
    const row = await getRecipe(tx, recipe, recipeVersion ?? 0)
    const again = await queueBuild(tx, row, { ...wish, attempts }, newUlid)
    const resources = [
      { kind: 'build', name: again },
      { kind: 'recipe', name: recipe },
    ]
    await recordEvent(tx, { deed: 'queue-build', resources, reason })
    return `${gone}: it stays a candidate, and ${again} makes another one.`
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return `${gone}: it stays a candidate, and there is no other build: ${error.message}`
  }
}
