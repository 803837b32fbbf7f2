import type { Logger } from 'pino'
import { isOver } from '../../lib/chunks/abort.ts'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Sql } from '../db/open.ts'
import { archiveLogs, dropLogs, sweepLogs } from './archive.ts'
import { endOverdue, loseBuilder } from './losing.ts'
import { buildColumns, type BuildRow } from './queries.ts'
import { queueDue } from './schedules.ts'

export interface KeepingDeps {
  readonly sql: Sql
  readonly blobs: BlobStore
  readonly newUlid: () => string
  readonly now: () => Date
  readonly log: Logger
  /** How long logs are kept; 0 for ever. */
  readonly keepLogs: number
}

const everyMs = 2_000
const forgetEveryMs = 60 * 60 * 1000

/**
 * Does what builds need and nobody asks for, for ever: queues what is due, takes builds back from builders that went away, ends those
 * whose time is over, keeps logs as objects for their time. Each look goes by what is there, so that one that
 * was missed is made up by the next.
 */
export async function keepBuilding(deps: KeepingDeps, signal: AbortSignal): Promise<void> {
  const duties = [
    () => sweepLogs(deps, deps.now()),
    () => endLate(deps),
    () => takeBackLapsed(deps),
    () => queue(deps),
    () => archiveLogs(deps, signal),
    forgetting(deps, signal),
  ]
  for (let first = true; !isOver(signal); first = false) {
    for (const duty of first ? duties : duties.slice(1)) {
      await duty().catch((error: unknown) => {
        if (!isOver(signal)) deps.log.warn({ err: error }, 'builds could not be looked after')
      })
    }
    await sleep(everyMs, signal).catch(() => undefined)
  }
}

/** Takes back the builds whose builders gave no sign of life for the length of a lease. */
export async function takeBackLapsed(
  deps: Pick<KeepingDeps, 'sql' | 'log' | 'newUlid'>,
): Promise<void> {
  while (await takeBackOne(deps));
}

/** By itself, as its end may lock an image and its recipe: so nobody waits for two in another order. */
async function takeBackOne({
  sql,
  log,
  newUlid,
}: Pick<KeepingDeps, 'sql' | 'log' | 'newUlid'>): Promise<boolean> {
  return sql.begin(async (tx) => {
    const [lapsed] = await tx<BuildRow[]>`
      select ${buildColumns(tx)} from build
      where state = 'running' and lease_time < now()
      order by name limit 1 for no key update skip locked`
    if (lapsed === undefined) return false
    await loseBuilder(tx, lapsed, newUlid)
    log.info({ build: lapsed.name, builder: lapsed.builder }, 'builder went away')
    return true
  })
}

/** How long after its limit a builder that is at work has ended a build by itself, however slow it is. */
const overdue = '1 hour'

/** Ends the builds that run on though their time is over; their builders may give signs of life for ever. */
export async function endLate(deps: Pick<KeepingDeps, 'sql' | 'log'>): Promise<void> {
  while (await endOneLate(deps));
}

/** By itself too. */
async function endOneLate({ sql, log }: Pick<KeepingDeps, 'sql' | 'log'>): Promise<boolean> {
  return sql.begin(async (tx) => {
    const [late] = await tx<BuildRow[]>`
      select ${buildColumns(tx)} from build
      where state = 'running'
        and start_time + time_limit_ms * interval '1 millisecond' + ${overdue}::interval < now()
      order by name limit 1 for no key update skip locked`
    if (late === undefined) return false
    await endOverdue(tx, late)
    log.warn({ build: late.name, builder: late.builder }, 'build ended after its time')
    return true
  })
}

async function queue(deps: KeepingDeps): Promise<void> {
  const recipes = await queueDue(deps, deps.now())
  if (recipes.length > 0) deps.log.info({ recipes }, 'scheduled builds queued')
}

/** Lets go of old logs, once an hour. */
function forgetting(deps: KeepingDeps, signal: AbortSignal): () => Promise<void> {
  let due = 0
  return async () => {
    const now = deps.now().getTime()
    if (now < due) return
    due = now + forgetEveryMs
    const builds = await dropLogs(deps, deps.keepLogs, signal)
    if (builds.length > 0) deps.log.info({ count: builds.length }, 'old logs of builds dropped')
  }
}
