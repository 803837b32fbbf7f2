import type { Logger } from 'pino'
import { Failure } from '../../lib/failure.ts'
import { whatIsDue } from '../../lib/recipes/schedule.ts'
import { BuildTrigger } from '../../proto/gen/merge/image/v1/build.ts'
import { recordEvent } from '../audit/record.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { findRecipe, type RecipeRow } from '../recipes/queries.ts'
import { timesOf } from '../recipes/service.ts'
import { pause } from './ending.ts'
import { queueBuild } from './queue.ts'

export interface SchedulesDeps {
  readonly sql: Sql
  readonly newUlid: () => string
  readonly log: Logger
}

/** Queues whatever is due, and answers of which recipes. One that cannot be queued keeps no other from it. */
export async function queueDue(deps: SchedulesDeps, now: Date): Promise<readonly string[]> {
  const { sql, newUlid, log } = deps
  const queued: string[] = []
  const passed: string[] = []
  for (;;) {
    const name = await nextDue(sql, now, passed)
    if (name === undefined) return queued
    passed.push(name)
    try {
      const made = await sql.begin((tx) => queueIfDue(tx, name, now, newUlid))
      if (made) queued.push(name)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      log.warn({ recipe: name, err: error }, 'scheduled build not queued')
      if (error.reason === 'INVALID_RECIPE') {
        const why = error.message
        await sql.begin((tx) => pause(tx, name, why))
      }
    }
  }
}

async function nextDue(
  sql: Sql,
  now: Date,
  passed: readonly string[],
): Promise<string | undefined> {
  const [due] = await sql<{ name: string }[]>`
    select name from recipe
    where next_time <= ${now} and name <> all (${passed as string[]}::text[]) and not ${isBusy(sql)}
    order by next_time limit 1`
  return due?.name
}

const isBusy = (sql: Sql | Transaction) => sql`exists (
  select from build where build.recipe = recipe.name and build.state in ('queued', 'running'))`

/**
 * Looks once more, with the recipe locked, so that two portals, or one that starts again, queue a time once; the times that passed
 * meanwhile are one build. A time that was built for, before the clocks or the recipe were changed, is passed by.
 */
async function queueIfDue(
  tx: Transaction,
  name: string,
  now: Date,
  newUlid: () => string,
): Promise<boolean> {
  const [standing] = await tx<{ nextTime: Date | null; busy: boolean }[]>`
    select next_time, ${isBusy(tx)} as busy from recipe where name = ${name} for update`
  const recipe = await findRecipe(tx, name)
  const times = recipe && timesOf(recipe)
  if (standing === undefined || recipe === undefined || times === undefined) return false
  const { nextTime, busy } = standing
  const plan = whatIsDue(times, { nextTime: nextTime ?? undefined, busy }, now)
  if (plan.kind === 'wait') return false
  await tx`update recipe set next_time = ${plan.next ?? null} where name = ${name}`
  const before = await tx`
    select from build where recipe = ${name} and schedule_time = ${plan.forTime}`
  if (before.length > 0) return false
  await queueFor(tx, recipe, plan.forTime, newUlid)
  return true
}

async function queueFor(
  tx: Transaction,
  recipe: RecipeRow,
  scheduleTime: Date,
  newUlid: () => string,
): Promise<void> {
  const trigger = BuildTrigger.BUILD_TRIGGER_SCHEDULE
  const wish = { trigger, requester: 'schedule', reason: '', force: false, retryOf: null }
  const build = await queueBuild(tx, recipe, { ...wish, scheduleTime }, newUlid)
  const resources = [
    { kind: 'build', name: build },
    { kind: 'recipe', name: recipe.name },
  ]
  const reason = `by its schedule, for ${scheduleTime.toISOString()}`
  await recordEvent(tx, { deed: 'queue-build', resources, reason })
}
