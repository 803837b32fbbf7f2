import { exhausted } from '../../lib/failure.ts'
import { parseRecipe } from '../../lib/recipes/parse.ts'
import { requiredChecks } from '../../lib/recipes/checks.ts'
import type { BuildTrigger } from '../../proto/gen/merge/image/v1/build.ts'
import { announceQueue } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { exactParentOf } from '../needs/needs.ts'
import { holdNeeded } from '../needs/queries.ts'
import { holdVersion, type RecipeRow } from '../recipes/queries.ts'
import { noRecipe } from '../recipes/service.ts'
import { checkCodes } from './checks.ts'
import { countQueued, insertBuild, type NewBuild } from './queries.ts'

/** So many builds of a namespace wait at most. */
const mostQueued = 100

/** Why a build is queued, and by whom. */
export type Wish = Pick<NewBuild, 'requester' | 'reason' | 'force' | 'scheduleTime' | 'retryOf'> & {
  readonly trigger: BuildTrigger
  /** How often it is tried; as its recipe says if not given. */
  readonly attempts?: number
}

/** Queues a build of a recipe in the version at hand, and answers its name. */
export async function queueBuild(
  tx: Transaction,
  row: RecipeRow,
  wish: Wish,
  newUlid: () => string,
): Promise<string> {
  const { line, checks, release, limits, schedule } = parseRecipe(row.text)
  const facility = line.namespace === '' ? null : line.namespace
  await demandRoom(tx, facility)
  await holdNeeded(tx, exactParentOf(row.text), row.name)
  if (!(await holdVersion(tx, row))) throw noRecipe(row.name, row.version)
  const name = buildName(facility, newUlid())
  await insertBuild(tx, {
    ...{ ...wish, name, facility, target: row.target, arch: line.arch, kind: row.kind },
    recipe: row.name,
    recipeVersion: row.version,
    requiredChecks: checkCodes(requiredChecks(checks)),
    releases: release === 'automatic',
    pauseAfter: schedule?.pauseAfter ?? 0,
    logLimit: limits.logBytes,
    timeLimitMs: limits.timeMs,
    maxAttempts: wish.attempts ?? limits.attempts,
  })
  await announceQueue(tx, facility)
  return name
}

export function buildName(facility: string | null, id: string): string {
  return facility === null ? id : `${facility}/${id}`
}

/** Throws QUEUE_FULL if no more builds of an owner are to wait. */
export async function demandRoom(tx: Transaction, facility: string | null): Promise<void> {
  if ((await countQueued(tx, facility)) < mostQueued) return
  const text = `${mostQueued} builds wait already: cancel some, or wait until a builder has done them.`
  throw exhausted('QUEUE_FULL', text, { limit: String(mostQueued) })
}
