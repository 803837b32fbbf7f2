import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'
import type { PolicyRow, Written } from './policy.ts'

const columns = (sql: Sql | Transaction) => sql`
  name, pattern, keep_newest, keep_monthly, keep_quarterly, minimum_age_days, used_days, archive_after_days,
  expire_after_days, cap_bytes, archive_held, cron, zone, brake_percent, notes, author, update_time, version, next_time`

/** Whoever changes policies does so alone, for each is held against all others. */
export async function lockPolicies(tx: Transaction): Promise<void> {
  await tx`lock table policy in share row exclusive mode`
}

export async function readPolicies(sql: Sql | Transaction): Promise<readonly PolicyRow[]> {
  return sql<PolicyRow[]>`select ${columns(sql)} from policy order by name`
}

export async function findPolicy(
  sql: Sql | Transaction,
  name: string,
): Promise<PolicyRow | undefined> {
  const [row] = await sql<PolicyRow[]>`select ${columns(sql)} from policy where name = ${name}`
  return row
}

export async function listPolicies(sql: Sql, page: Page): Promise<readonly PolicyRow[]> {
  return sql<PolicyRow[]>`
    select ${columns(sql)} from policy where name > ${page.after} order by name limit ${page.size + 1}`
}

/** Keeps a policy, in place of the one before of that name. */
export async function putPolicy(
  tx: Transaction,
  written: Written,
  by: { readonly author: string; readonly nextTime: Date | null },
): Promise<PolicyRow | undefined> {
  const { name, pattern, keepNewest, keepMonthly, keepQuarterly, minimumAgeDays } = written
  const { usedDays, archiveAfterDays, expireAfterDays, capBytes, archiveHeld } = written
  const row = {
    ...{ name, pattern },
    ...{ keep_newest: keepNewest, keep_monthly: keepMonthly, keep_quarterly: keepQuarterly },
    ...{ minimum_age_days: minimumAgeDays, used_days: usedDays },
    ...{ archive_after_days: archiveAfterDays, expire_after_days: expireAfterDays },
    ...{ cap_bytes: capBytes, archive_held: archiveHeld },
    ...{ cron: written.cron, zone: written.zone, brake_percent: written.brakePercent },
    ...{ notes: written.notes, author: by.author, next_time: by.nextTime },
  }
  const [kept] = await tx<PolicyRow[]>`
    insert into policy ${tx(row)}
    on conflict (name) do update set ${tx(row)}, version = policy.version + 1,
      update_time = greatest(clock_timestamp(), policy.update_time + interval '1 millisecond')
    returning ${columns(tx)}`
  return kept
}

export async function deletePolicy(tx: Transaction, name: string): Promise<void> {
  await tx`delete from policy where name = ${name}`
}

/** A policy whose schedule has come, and none of these. */
export async function nextDuePolicy(
  sql: Sql,
  now: Date,
  passed: readonly string[],
): Promise<string | undefined> {
  const [row] = await sql<{ name: string }[]>`
    select name from policy
    where next_time <= ${now} and name <> all (${passed as string[]}::text[])
    order by next_time limit 1`
  return row?.name
}
