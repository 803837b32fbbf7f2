import { missing, precondition, type Failure } from '../../lib/failure.ts'
import { shown } from '../../lib/names/name.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { ownedBy } from '../images/lines.ts'

export type ScanStateName = 'queued' | 'running' | 'done' | 'failed'

export interface ScanRow {
  readonly name: string
  readonly source: string
  readonly facility: string | null
  readonly preview: boolean
  readonly requester: string
  readonly scheduleTime: Date | null
  readonly state: ScanStateName
  readonly attempt: number
  readonly claim: string | null
  readonly agent: string
  readonly createTime: Date
  readonly endTime: Date | null
  readonly message: string
  readonly itemCount: number
  readonly builds: readonly string[]
}

const columns = (sql: Sql | Transaction) => sql`
  name, source, facility, preview, requester, schedule_time, state, attempt, claim::text, agent, create_time, end_time,
  message, item_count, builds`

/** How long a claim holds without a report. */
const lease = '5 minutes'
/** How often a scan is tried whose agent went away. */
export const mostAttempts = 3
/** So many scans of a source are known. */
const keptScans = 20

/** The scan, or SCAN_NOT_FOUND. */
export async function getScan(sql: Sql | Transaction, name: string): Promise<ScanRow> {
  const [row] = await sql<ScanRow[]>`select ${columns(sql)} from scan where name = ${name}`
  if (row !== undefined) return row
  throw missing('SCAN_NOT_FOUND', `There is no scan "${shown(name)}", or it is long past.`, {
    name,
  })
}

/** The scan of each source that began last. */
export async function lastScans(
  sql: Sql | Transaction,
  sources: readonly string[],
): Promise<ReadonlyMap<string, ScanRow>> {
  const rows = await sql<ScanRow[]>`
    select distinct on (source) ${columns(sql)} from scan
    where source = any (${sources as string[]}) order by source, name desc`
  return new Map(rows.map((row) => [row.source, row]))
}

/** The scan of a source that waits or runs. */
export async function openScan(tx: Transaction, source: string): Promise<ScanRow | undefined> {
  const [row] = await tx<ScanRow[]>`
    select ${columns(tx)} from scan where source = ${source} and end_time is null for no key update`
  return row
}

/** Queues a scan of a locked source, and lets old ones go; those that found what is known stay. */
export async function insertScan(
  tx: Transaction,
  scan: Pick<ScanRow, 'name' | 'source' | 'facility' | 'preview' | 'requester' | 'scheduleTime'>,
): Promise<void> {
  const { name, source, facility, preview, requester, scheduleTime } = scan
  await tx`
    insert into scan (name, source, facility, preview, requester, schedule_time)
    values (${name}, ${source}, ${facility}, ${preview}, ${requester}, ${scheduleTime})`
  await tx`
    delete from scan where source = ${source} and end_time is not null
      and not exists (select from source_item where source_item.scan = scan.name)
      and name not in (
        select one.name from scan as one where one.source = ${source} order by one.name desc limit ${keptScans})`
}

/** Gives the oldest scan that waits, or the one that this claim has. */
export async function claimScan(
  sql: Sql,
  facility: string | null,
  claim: string,
  caller: Caller,
): Promise<ScanRow | undefined> {
  return sql.begin(async (tx) => {
    const before = await byClaim(tx, claim, caller)
    if (before !== undefined) return before.state === 'running' ? before : undefined
    const [row] = await tx<ScanRow[]>`
      update scan set state = 'running', claim = ${claim}, lease_time = now() + ${lease}::interval,
        agent = ${caller.name}, attempt = attempt + 1
      where name = (
        select one.name from scan as one where state = 'queued' and ${ownedBy(tx, facility ?? '')}
        order by create_time, name limit 1 for no key update skip locked)
      returning ${columns(tx)}`
    return row
  })
}

async function byClaim(
  tx: Transaction,
  claim: string,
  caller: Caller,
): Promise<ScanRow | undefined> {
  const [row] = await tx<ScanRow[]>`
    select ${columns(tx)} from scan
    where claim = ${claim} and agent = ${caller.name} for no key update`
  return row
}

/** The caller's scan under a claim, locked until the transaction ends, or SCAN_LOST. */
export async function lockClaimed(
  tx: Transaction,
  claim: string,
  caller: Caller,
): Promise<ScanRow> {
  const scan = await byClaim(tx, claim, caller)
  if (scan !== undefined) return scan
  throw lost('its lease ran out, or it was never given')
}

export function lost(why: string): Failure {
  return precondition('SCAN_LOST', `The claim does not hold: ${why}. Claim another scan.`)
}

export async function renewClaim(tx: Transaction, name: string): Promise<void> {
  await tx`update scan set lease_time = now() + ${lease}::interval where name = ${name}`
}

/** Ends a locked scan, once. */
export async function endScan(
  tx: Transaction,
  name: string,
  end: Pick<ScanRow, 'state' | 'message' | 'itemCount' | 'builds'>,
): Promise<void> {
  await tx`
    update scan set state = ${end.state}, message = ${end.message}, item_count = ${end.itemCount},
      builds = ${end.builds as string[]}, end_time = now(), lease_time = null
    where name = ${name}`
}

/** The scans whose agents gave no sign of life for the length of a lease, locked. */
export async function lockLapsed(tx: Transaction): Promise<readonly ScanRow[]> {
  return tx<ScanRow[]>`
    select ${columns(tx)} from scan where state = 'running' and lease_time < now()
    order by name for no key update skip locked`
}

/** Has a locked scan wait for an agent again. */
export async function requeueScan(tx: Transaction, name: string): Promise<void> {
  await tx`
    update scan set state = 'queued', claim = null, lease_time = null where name = ${name}`
  await tx`delete from source_item where scan = ${name}`
}
