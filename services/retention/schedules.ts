import type { Logger } from 'pino'
import { Failure } from '../../lib/failure.ts'
import { whatIsDue } from '../../lib/recipes/schedule.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { DemandArchive } from './applyplan.ts'
import { goes } from './codes.ts'
import { planNow, type Plan } from './planning.ts'
import { printOf, type PolicyRow } from './policy.ts'
import { findPolicy, nextDuePolicy } from './queries.ts'
import { insertRun, lapseBefore, type NewRun } from './runs.ts'

export interface SchedulesDeps {
  readonly sql: Sql
  readonly now: () => Date
  readonly newUlid: () => string
  readonly demandArchive: DemandArchive
  readonly log: Logger
}

/** Plans for the policies whose schedule has come, and has it carried out unless a person should look at it first. */
export async function planDue(deps: SchedulesDeps): Promise<void> {
  const passed: string[] = []
  for (;;) {
    const name = await nextDuePolicy(deps.sql, deps.now(), passed)
    if (name === undefined) return
    passed.push(name)
    const made = await planOne(deps, name)
    if (made !== undefined) deps.log.info(made, 'retention planned by its schedule')
  }
}

async function planOne(deps: SchedulesDeps, name: string) {
  const { sql, newUlid } = deps
  const now = deps.now()
  const before = await findPolicy(sql, name)
  if (before === undefined) return undefined
  const plan = await planNow(sql, now, { pattern: undefined, policy: name })
  const brake = await whyWait(plan, before, deps.demandArchive)
  const id = newUlid()
  const made = await sql.begin(async (tx) => {
    const forTime = await passTime(tx, before, now)
    if (forTime === undefined) return false
    await lapseBefore(tx, name, id)
    const schedule = { policy: name, time: forTime }
    const run = {
      id,
      creator: 'system',
      pattern: before.pattern,
      schedule,
      ...standing(plan, brake),
    }
    return insertRun(tx, plan, run)
  })
  return made ? { policy: name, run: id, waits: brake } : undefined
}

/**
 * Goes on to the schedule's next time, and answers for which one the plan is; undefined if somebody else has planned for it, or the policy
 * is another one now. What was missed is planned for once.
 */
async function passTime(tx: Transaction, before: PolicyRow, now: Date): Promise<Date | undefined> {
  await tx`select from policy where name = ${before.name} for no key update`
  const row = await findPolicy(tx, before.name)
  if (row === undefined || printOf(row) !== printOf(before)) return undefined
  const [running] = await tx`
    select from retention_run where policy = ${row.name} and state = 'applying' limit 1`
  const times = { cron: row.cron, timeZone: row.zone }
  const due = { nextTime: row.nextTime ?? undefined, busy: running !== undefined }
  const plan = whatIsDue(times, due, now)
  if (plan.kind === 'wait') return undefined
  await tx`update policy set next_time = ${plan.next ?? null} where name = ${row.name}`
  return plan.forTime
}

/** Nothing to do is done; what would free much waits. */
function standing(
  plan: Plan,
  brake: string | undefined,
): Pick<NewRun, 'state' | 'message' | 'applier'> {
  if (!plan.decisions.some(goes)) return { state: 'done', message: 'There was nothing to do.' }
  if (brake !== undefined) return { state: 'waiting', message: brake }
  return { state: 'applying', applier: 'system' }
}

/** Why a person has to look at it first; undefined where nobody has to. */
async function whyWait(
  plan: Plan,
  { brakePercent }: PolicyRow,
  demandArchive: DemandArchive,
): Promise<string | undefined> {
  const freed = Object.values(plan.freed).reduce((sum, bytes) => sum + bytes, 0)
  if (freed > (plan.total * brakePercent) / 100) {
    const percent = Math.round((freed / plan.total) * 100)
    return `It would free ${percent} % of what the policy's images take, and more than ${brakePercent} % waits for a person.`
  }
  if (!plan.decisions.some(({ action }) => action === 'archive')) return undefined
  return demandArchive().then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Failure) return error.message
      throw error
    },
  )
}
