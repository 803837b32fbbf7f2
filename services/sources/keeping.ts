import type { Logger } from 'pino'
import { isOver } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { whatIsDue } from '../../lib/recipes/schedule.ts'
import { recordEvent } from '../audit/record.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { timesOf } from '../recipes/service.ts'
import { lockSource } from './queries.ts'
import { loseAgent, queueScan } from './scanning.ts'
import { lockLapsed, openScan } from './scans.ts'

export interface KeepingDeps {
  readonly sql: Sql
  readonly newUlid: () => string
  readonly now: () => Date
  readonly log: Logger
}

const everyMs = 2_000

/** Queues the scans that are due, and takes scans back from agents that went away, for ever. */
export async function keepScanning(deps: KeepingDeps, signal: AbortSignal): Promise<void> {
  while (!isOver(signal)) {
    for (const duty of [takeBackLapsed, queueDueScans]) {
      await duty(deps).catch((error: unknown) => {
        if (!isOver(signal)) deps.log.warn({ err: error }, 'sources could not be looked after')
      })
    }
    await sleep(everyMs, signal).catch(() => undefined)
  }
}

export async function takeBackLapsed({
  sql,
  log,
}: Pick<KeepingDeps, 'sql' | 'log'>): Promise<void> {
  await sql.begin(async (tx) => {
    for (const scan of await lockLapsed(tx)) {
      await loseAgent(tx, scan)
      log.info({ scan: scan.name, agent: scan.agent }, 'agent went away from a scan')
    }
  })
}

/** Queues whatever is due, and answers of which sources. */
export async function queueDueScans(deps: KeepingDeps): Promise<readonly string[]> {
  const { sql, now, log } = deps
  const due = await sql<{ name: string }[]>`
    select name from source where next_time <= ${now()} and not exists (
      select from scan where scan.source = source.name and end_time is null)
    order by next_time`
  const queued: string[] = []
  for (const { name } of due) {
    if (await sql.begin((tx) => queueIfDue(tx, name, deps))) queued.push(name)
  }
  if (queued.length > 0) log.info({ sources: queued }, 'scheduled scans queued')
  return queued
}

/** Looks once more, with the source locked, so that two portals queue a time once; times that passed meanwhile are one scan. */
async function queueIfDue(
  tx: Transaction,
  name: string,
  { now, newUlid }: KeepingDeps,
): Promise<boolean> {
  const source = await lockSource(tx, name)
  const times = source && timesOf(source)
  if (source === undefined || times === undefined) return false
  const busy = (await openScan(tx, name)) !== undefined
  const plan = whatIsDue(times, { nextTime: source.nextTime ?? undefined, busy }, now())
  if (plan.kind === 'wait') return false
  await tx`update source set next_time = ${plan.next ?? null} where name = ${name}`
  const before = await tx`
    select from scan where source = ${name} and schedule_time = ${plan.forTime}`
  if (before.length > 0) return false
  const asked = { preview: false, requester: 'schedule', scheduleTime: plan.forTime }
  const scan = await queueScan(tx, source, asked, newUlid)
  const resources = [
    { kind: 'scan', name: scan.name },
    { kind: 'source', name },
  ]
  const reason = `by its schedule, for ${plan.forTime.toISOString()}`
  await recordEvent(tx, { deed: 'queue-scan', resources, reason })
  return true
}
