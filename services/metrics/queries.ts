import type { Sql } from '../db/open.ts'

export interface Tally {
  readonly labels: Readonly<Record<string, string>>
  readonly count: number
}

export async function countImages(sql: Sql): Promise<readonly Tally[]> {
  const rows = await sql<{ state: string; storage: string; count: number }[]>`
    select state, storage, count(*)::int as count from image group by state, storage`
  return rows.map(({ state, storage, count }) => ({ labels: { state, storage }, count }))
}

/** Those that wait and run, and those that failed within a day. */
export async function countBuilds(sql: Sql): Promise<readonly Tally[]> {
  const [row] = await sql<{ queued: number; running: number; failed: number }[]>`
    select (select count(*)::int from build where state = 'queued') as queued,
      (select count(*)::int from build where state = 'running') as running,
      (select count(*)::int from build where state = 'failed' and end_time > now() - interval '1 day') as failed`
  return Object.entries(row ?? {}).map(([state, count]) => ({ labels: { state }, count }))
}

export async function packsOf(
  sql: Sql,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const [row] = await sql<{ count: number; bytes: number }[]>`
    select count(*)::int as count, coalesce(sum(size_bytes), 0)::float8 as bytes from pack`
  return row ?? { count: 0, bytes: 0 }
}

/** Where a facility stands, as its agent said last. */
export interface Standing {
  readonly name: string
  readonly desired: number
  readonly applied: number
  /** Seconds since 1970; null if its agent never reported. */
  readonly heard: number | null
}

export async function standings(sql: Sql): Promise<readonly Standing[]> {
  return sql<Standing[]>`
    select name, desired_generation::float8 as desired, applied_generation::float8 as applied,
      extract(epoch from agent_time)::float8 as heard from facility order by name`
}

/** When the newest certificate of each agent runs out that is not revoked. */
export async function agentsCertificates(
  sql: Sql,
): Promise<readonly { readonly name: string; readonly expireTime: Date }[]> {
  return sql<{ name: string; expireTime: Date }[]>`
    select name, max(expire_time) as expire_time from certificate
    where facility <> '' and revoke_time is null group by name`
}

export async function countDrafts(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from event_draft`
  return row?.count ?? 0
}
