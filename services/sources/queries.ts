import type { PlaceKind } from '../../lib/sources/place.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'

/** A source as it stands. */
export interface SourceRow {
  readonly name: string
  readonly facility: string | null
  readonly version: number
  readonly text: string
  readonly kind: PlaceKind
  readonly line: string
  readonly cron: string
  readonly zone: string
  readonly pauseAfter: number
  readonly creator: string
  readonly createTime: Date
  readonly nextTime: Date | null
  readonly failures: number
  readonly paused: string
  readonly deleteTime: Date | null
  readonly revision: number
}

const columns = (sql: Sql | Transaction) => sql`
  name, facility, version, text, kind, line, cron, zone, pause_after, creator, create_time, next_time, failures, paused,
  delete_time, revision`

export async function findSource(
  sql: Sql | Transaction,
  name: string,
): Promise<SourceRow | undefined> {
  const [row] = await sql<SourceRow[]>`select ${columns(sql)} from source where name = ${name}`
  return row
}

/** The same, locked until the transaction ends. */
export async function lockSource(tx: Transaction, name: string): Promise<SourceRow | undefined> {
  const [row] = await tx<SourceRow[]>`
    select ${columns(tx)} from source where name = ${name} for no key update`
  return row
}

/** Those of a namespace that are not deleted. */
export async function listSources(sql: Sql, namespace: string, page: Page): Promise<SourceRow[]> {
  return sql<SourceRow[]>`
    select ${columns(sql)} from source
    where coalesce(facility, '') = ${namespace} and delete_time is null and name > ${page.after}
    order by name limit ${page.size + 1}`
}

export async function countSources(tx: Transaction, facility: string | null): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count from source
    where facility is not distinct from ${facility} and delete_time is null`
  return row?.count ?? 0
}

/** What is kept of a source when it is put. */
export type NewSource = Pick<
  SourceRow,
  | 'name'
  | 'facility'
  | 'text'
  | 'kind'
  | 'line'
  | 'cron'
  | 'zone'
  | 'pauseAfter'
  | 'creator'
  | 'nextTime'
>

/** Makes a source, or has it say something else from now on. */
export async function putSource(tx: Transaction, source: NewSource): Promise<void> {
  const { name, facility, text, kind, line, cron, zone, pauseAfter, creator, nextTime } = source
  await tx`
    insert into source as old (name, facility, version, text, kind, line, cron, zone, pause_after, creator, next_time)
    values (${name}, ${facility}, 1, ${text}, ${kind}, ${line}, ${cron}, ${zone}, ${pauseAfter}, ${creator}, ${nextTime})
    on conflict (name) do update set version = old.version + 1, text = excluded.text, kind = excluded.kind,
      line = excluded.line, cron = excluded.cron, zone = excluded.zone, pause_after = excluded.pause_after,
      creator = excluded.creator, create_time = now(), next_time = excluded.next_time, failures = 0, paused = '',
      delete_time = null, revision = old.revision + 1`
}

export async function deleteSource(tx: Transaction, name: string): Promise<void> {
  await tx`
    update source set delete_time = now(), next_time = null, revision = revision + 1
    where name = ${name} and delete_time is null`
}

/** Holds the schedule until somebody resumes it, or puts the source; false if there is none to hold. */
export async function pauseSource(tx: Transaction, name: string, why: string): Promise<boolean> {
  const held = await tx`
    update source set paused = ${why}, next_time = null, revision = revision + 1
    where name = ${name} and next_time is not null`
  return held.count > 0
}

export async function resumeSource(
  tx: Transaction,
  name: string,
  nextTime: Date | undefined,
): Promise<void> {
  await tx`
    update source set paused = '', failures = 0, next_time = ${nextTime ?? null}, revision = revision + 1
    where name = ${name}`
}

/** Counts a failure in a row, and answers how many there are. */
export async function countFailure(tx: Transaction, name: string): Promise<number> {
  const [row] = await tx<{ failures: number }[]>`
    update source set failures = failures + 1 where name = ${name} returning failures`
  return row?.failures ?? 0
}

export async function forgetFailures(tx: Transaction, name: string): Promise<void> {
  await tx`update source set failures = 0 where name = ${name} and failures > 0`
}
