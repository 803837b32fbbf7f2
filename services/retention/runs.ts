import type { Action, Decision } from '../../lib/retention/plan.ts'
import { sentence } from '../../lib/retention/words.ts'
import type { RetentionRule } from '../../proto/gen/merge/image/v1/retention.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'
import type { Places } from './bytes.ts'
import { rules, type OutcomeName, type RunStateName } from './codes.ts'
import type { Plan } from './planning.ts'

/** A plan as it is kept. */
export interface RunRow {
  readonly id: string
  readonly state: RunStateName
  readonly etag: string
  readonly creator: string
  /** The policy whose schedule made it. */
  readonly policy: string | null
  readonly planTime: Date
  readonly pattern: string
  readonly keepCount: bigint
  readonly archiveCount: bigint
  readonly expireCount: bigint
  readonly freedBytes: Places
  readonly archivedBytes: bigint
  readonly totalBytes: bigint
  readonly leftCount: bigint
  readonly applyTime: Date | null
  readonly applier: string
  readonly endTime: Date | null
  readonly message: string
  readonly policies: Readonly<Record<string, string>>
}

/** Still to be done are few rows of an index of their own, however many there were. */
const runColumns = (sql: Sql | Transaction) => sql`
  id, state, etag, creator, policy, plan_time, pattern, keep_count, archive_count, expire_count, freed_bytes,
  archived_bytes, total_bytes, apply_time, applier, end_time, message, policies,
  (select count(*) from retention_item where run = id and action <> 'keep' and outcome = '') as left_count`

/** What is said of a plan when it is kept. */
export interface NewRun {
  readonly id: string
  readonly state: RunStateName
  readonly creator: string
  readonly pattern: string
  readonly schedule?: { readonly policy: string; readonly time: Date }
  readonly message?: string
  /** Where it is carried out at once. */
  readonly applier?: string
}

/**
 * Keeps a plan, and takes its decisions from it as it goes; false if there is one for this time of the schedule. The decisions are as many as
 * the images, and postgres.js holds on to all that the first transaction of a kind could reach.
 */
export async function insertRun(tx: Transaction, plan: Plan, run: NewRun): Promise<boolean> {
  const { id, state, creator, pattern, schedule, message = '', applier } = run
  const count = (action: Action) => plan.decisions.filter((one) => one.action === action).length
  const { count: made } = await tx`
    insert into retention_run (id, state, etag, creator, policy, schedule_time, plan_time, pattern, keep_count,
      archive_count, expire_count, freed_bytes, archived_bytes, total_bytes, message, policies, apply_time, applier, end_time)
    values (${id}, ${state}, ${plan.etag}, ${creator}, ${schedule?.policy ?? null}, ${schedule?.time ?? null},
      ${plan.now}, ${pattern}, ${count('keep')}, ${count('archive')}, ${count('expire')},
      ${JSON.stringify(plan.freed)}::text::jsonb, ${plan.archived}, ${plan.total}, ${message},
      ${JSON.stringify(plan.policies)}::text::jsonb, ${applier === undefined ? null : plan.now}, ${applier ?? ''},
      ${state === 'done' ? plan.now : null})
    on conflict (policy, schedule_time) do nothing`
  if (made === 0) return false
  while (plan.decisions.length > 0) {
    await insertItems(tx, id, plan, plan.decisions.splice(0, itemsAtOnce))
  }
  return true
}

const itemsAtOnce = 1000
const mostHolders = 10

async function insertItems(
  tx: Transaction,
  run: string,
  { own }: Plan,
  decisions: readonly Decision[],
): Promise<void> {
  const column = <T>(of: (decision: Decision) => T) => decisions.map(of)
  const none: Places = {}
  await tx`
    insert into retention_item (run, image, action, rule, message, policy, holders, own_bytes, due_time)
    select ${run}, image, action, rule, message, policy, holders::jsonb, own_bytes::jsonb, due_time from unnest(
      ${column(({ image }) => image.name)}::text[], ${column(({ action }) => action)}::text[],
      ${column(({ rule }) => rules[rule])}::smallint[], ${column(sentence)}::text[],
      ${column(({ policy }) => policy?.name ?? '')}::text[],
      ${column(({ needs }) => JSON.stringify(needs.slice(0, mostHolders)))}::text[],
      ${column(({ image }) => JSON.stringify(own.get(image.name) ?? none))}::text[],
      ${column(({ due }) => due?.toISOString() ?? null)}::timestamptz[]
    ) as item (image, action, rule, message, policy, holders, own_bytes, due_time)`
}

export async function findRun(sql: Sql | Transaction, id: string): Promise<RunRow | undefined> {
  const [row] = await sql<RunRow[]>`select ${runColumns(sql)} from retention_run where id = ${id}`
  return row
}

/** Locks the run until the transaction ends. */
export async function lockRun(tx: Transaction, id: string): Promise<RunRow | undefined> {
  await tx`select from retention_run where id = ${id} for update`
  return findRun(tx, id)
}

export async function listRuns(sql: Sql, page: Page): Promise<readonly RunRow[]> {
  return sql<RunRow[]>`
    select ${runColumns(sql)} from retention_run
    where ${page.after} = '' or id < ${page.after} order by id desc limit ${page.size + 1}`
}

/** What a plan says of an image, as it is kept. */
export interface ItemRow {
  readonly image: string
  readonly action: Action
  readonly rule: RetentionRule
  readonly message: string
  readonly policy: string
  readonly holders: readonly HolderRow[]
  readonly ownBytes: Places
  readonly dueTime: Date | null
  readonly outcome: OutcomeName
  readonly outcomeMessage: string
}

/** A need as JSON has it. */
export interface HolderRow {
  readonly kind: Decision['needs'][number]['kind']
  readonly name: string
  readonly message: string
  readonly until?: string
}

export async function listItems(
  sql: Sql,
  run: string,
  action: Action | '',
  page: Page,
): Promise<readonly ItemRow[]> {
  return sql<ItemRow[]>`
    select image, action, rule, message, policy, holders, own_bytes, due_time, outcome, outcome_message
    from retention_item
    where run = ${run} and image > ${page.after} and (${action} = '' or action = ${action})
    order by image limit ${page.size + 1}`
}

/** What a plan would do. */
export async function plannedItems(
  tx: Transaction,
  run: string,
): Promise<readonly Pick<ItemRow, 'image' | 'action' | 'policy'>[]> {
  return tx<Pick<ItemRow, 'image' | 'action' | 'policy'>[]>`
    select image, action, policy from retention_item
    where run = ${run} and action <> 'keep' order by image`
}

export async function startRun(
  tx: Transaction,
  id: string,
  applier: string,
  now: Date,
): Promise<void> {
  await tx`
    update retention_run set state = 'applying', applier = ${applier}, apply_time = ${now}, message = ''
    where id = ${id}`
}

/** Ends the runs of which nothing is left to do, and answers which. */
export async function endRuns(sql: Sql, now: Date): Promise<readonly string[]> {
  const ended = await sql<{ id: string }[]>`
    update retention_run set state = 'done', end_time = ${now}, message = ''
    where state = 'applying' and not exists (
      select from retention_item where run = id and action <> 'keep' and outcome = '')
    returning id`
  return ended.map(({ id }) => id)
}

/**
 * Lets go of the plans that nobody applied within so many days, and, of those that were carried out, of what they kept: what they did stays
 * to be read.
 */
export async function forgetPlans(sql: Sql, before: Date): Promise<void> {
  await sql`
    with forgotten as (
      delete from retention_run
      where state in ('planned', 'waiting', 'lapsed') and plan_time < ${before} returning id)
    delete from retention_item using forgotten where run = forgotten.id`
  await sql`
    delete from retention_item using retention_run
    where id = run and action = 'keep' and state = 'done' and plan_time < ${before}`
}

/** A schedule has a newer plan: the one before that waits for a person is too old. */
export async function lapseBefore(tx: Transaction, policy: string, run: string): Promise<void> {
  await tx`
    update retention_run set state = 'lapsed', message = ${`Its schedule has made a newer plan: ${run}.`}
    where policy = ${policy} and state = 'waiting' and id <> ${run}`
}
