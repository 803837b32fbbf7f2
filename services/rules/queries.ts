import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'
import type { RuleRow, Written } from './rule.ts'

export type CountedRule = RuleRow & { readonly imageCount: number }

const columns = (sql: Sql | Transaction) => sql`
  facility, name, patterns, newest, aliases, held, origin, cron, zone, jitter_seconds, leaving, keep_days, priority, notes, author,
  labels, windows, rate, peers, update_time, version, generation, select_time, next_time`

const counted = (sql: Sql | Transaction) => sql`
  ${columns(sql)}, (select count(*)::int from want
    where want.facility = sync_rule.facility and want.rule = sync_rule.name) as image_count`

export async function findRule(
  sql: Sql | Transaction,
  facility: string,
  name: string,
): Promise<CountedRule | undefined> {
  const [row] = await sql<CountedRule[]>`
    select ${counted(sql)} from sync_rule where facility = ${facility} and name = ${name}`
  return row
}

/** Keeps others from the rule until the transaction ends. */
export async function lockRule(
  tx: Transaction,
  facility: string,
  name: string,
): Promise<CountedRule | undefined> {
  await tx`select from sync_rule where facility = ${facility} and name = ${name} for update`
  return findRule(tx, facility, name)
}

export async function listRules(sql: Sql, facility: string, page: Page): Promise<CountedRule[]> {
  return sql<CountedRule[]>`
    select ${counted(sql)} from sync_rule
    where facility = ${facility} and name > ${page.after} order by name limit ${page.size + 1}`
}

export async function rulesOf(sql: Sql, facility: string): Promise<RuleRow[]> {
  return sql<RuleRow[]>`
    select ${columns(sql)} from sync_rule where facility = ${facility} order by name`
}

/** Keeps a rule in place of the one before: it is to be looked at anew. */
export async function putRule(
  tx: Transaction,
  rule: Written,
  by: { readonly author: string; readonly nextTime: Date | null },
): Promise<void> {
  const { facility, name, patterns, newest, aliases, held, origin, cron, zone } = rule
  const { jitterSeconds, leaving, keepDays, priority, notes, labels, windows, rate, peers } = rule
  await tx`
    insert into sync_rule (facility, name, patterns, newest, aliases, held, origin, cron, zone, jitter_seconds, leaving, keep_days,
      priority, notes, labels, windows, rate, peers, author, next_time)
    values (${facility}, ${name}, ${patterns as string[]}, ${newest}, ${aliases as string[]}, ${held}, ${origin}, ${cron}, ${zone},
      ${jitterSeconds}, ${leaving}, ${keepDays}, ${priority}, ${notes}, ${labels as string[]}, ${windows as string[]}, ${rate}, ${peers},
      ${by.author}, ${by.nextTime})
    on conflict (facility, name) do update set patterns = excluded.patterns, newest = excluded.newest,
      aliases = excluded.aliases, held = excluded.held, origin = excluded.origin, cron = excluded.cron, zone = excluded.zone,
      jitter_seconds = excluded.jitter_seconds, leaving = excluded.leaving, keep_days = excluded.keep_days,
      priority = excluded.priority, notes = excluded.notes, labels = excluded.labels, windows = excluded.windows, rate = excluded.rate,
      peers = excluded.peers, author = excluded.author, update_time = now(),
      version = sync_rule.version + 1, generation = null, next_time = excluded.next_time`
}

/** What it kept for a time is counted anew from the next selection on. */
export async function keepAnew(tx: Transaction, facility: string, name: string): Promise<void> {
  await tx`
    update want set until = null where facility = ${facility} and rule = ${name} and until is not null`
}

/** Deletes a rule with all that it wants; says whether it wanted anything. */
export async function deleteRule(
  tx: Transaction,
  facility: string,
  name: string,
): Promise<boolean> {
  const { count } =
    await tx`delete from want where facility = ${facility} and rule = ${name} and rule <> ''`
  await tx`delete from sync_rule where facility = ${facility} and name = ${name}`
  return count > 0
}

/** What a rule wants and has not let go. */
export async function wantedBy(
  sql: Sql,
  { facility, name }: Pick<RuleRow, 'facility' | 'name'>,
): Promise<string[]> {
  const rows = await sql<{ image: string }[]>`
    select image from want where facility = ${facility} and rule = ${name} and until is null
    order by image`
  return rows.map(({ image }) => image)
}

/** The rules that are to select now: by their schedule, or because names are of another generation than they know. */
export async function dueRules(sql: Sql, generation: bigint, now: Date): Promise<RuleRow[]> {
  return sql<RuleRow[]>`
    select ${columns(sql)} from sync_rule
    where next_time <= ${now}
      or cron = '' and next_time is null and (
        generation is distinct from ${generation}
        or held and select_time < ${now}::timestamptz - ${heldEvery}::interval)
    order by facility, name`
}

/** Holds come and go without a new generation of names. */
const heldEvery = '15 seconds'

/** A rule that has its own moment notes when that is, once there is something to select. */
export async function postpone(sql: Sql, rule: RuleRow, until: Date): Promise<void> {
  await sql`
    update sync_rule set next_time = ${until}
    where facility = ${rule.facility} and name = ${rule.name} and version = ${rule.version} and next_time is null`
}

/** When the next rule is to select that has a time. */
export async function nextTime(sql: Sql): Promise<Date | undefined> {
  const [row] = await sql<{ time: Date | null }[]>`select min(next_time) as time from sync_rule`
  return row?.time ?? undefined
}

/**
 * Those of the rules that are still as they were read, locked until the transaction ends: neither changed nor made anew, and no other
 * portal has had them select meanwhile, of a later state maybe.
 */
export async function lockUnchanged(
  tx: Transaction,
  rules: readonly RuleRow[],
): Promise<RuleRow[]> {
  const stateOf = (rule: RuleRow): string => {
    const times = [rule.updateTime, rule.selectTime, rule.nextTime].map((time) => time?.getTime())
    return [rule.facility, rule.name, rule.version, rule.generation, ...times].join(' ')
  }
  const before = new Set(rules.map(stateOf))
  const rows = await tx<RuleRow[]>`
    select ${columns(tx)} from sync_rule
    where (facility, name) in (
      select * from unnest(${rules.map(({ facility }) => facility)}::text[], ${rules.map(({ name }) => name)}::text[]))
    order by facility, name for update`
  return rows.filter((row) => before.has(stateOf(row)))
}
