import type { Logger } from 'pino'
import { isOver } from '../../lib/chunks/abort.ts'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Sql } from '../db/open.ts'
import { archiveLogs, sweepLogs } from './archive.ts'
import { loseBuilder } from './ending.ts'
import { buildColumns, type BuildRow } from './queries.ts'
import { queueDue } from './schedules.ts'

export interface KeepingDeps {
  readonly sql: Sql
  readonly blobs: BlobStore
  readonly newUlid: () => string
  readonly now: () => Date
  readonly log: Logger
}

const everyMs = 2_000

/**
 * Does what builds need and nobody asks for, for ever: queues what is due, takes builds back from builders that went away, keeps logs
 * as objects. Each look goes by what is there, so that one that was missed is made up by the next.
 */
export async function keepBuilding(deps: KeepingDeps, signal: AbortSignal): Promise<void> {
  const duties = [
    () => sweepLogs(deps, deps.now()),
    () => takeBackLapsed(deps),
    () => queue(deps),
    () => archiveLogs(deps, signal),
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
export async function takeBackLapsed({
  sql,
  log,
}: Pick<KeepingDeps, 'sql' | 'log'>): Promise<void> {
  await sql.begin(async (tx) => {
    const lapsed = await tx<BuildRow[]>`
      select ${buildColumns(tx)} from build
      where state = 'running' and lease_time < now()
      order by name for no key update skip locked`
    for (const build of lapsed) {
      await loseBuilder(tx, build)
      log.info({ build: build.name, builder: build.builder }, 'builder went away')
    }
  })
}

async function queue(deps: KeepingDeps): Promise<void> {
  const recipes = await queueDue(deps, deps.now())
  if (recipes.length > 0) deps.log.info({ recipes }, 'scheduled builds queued')
}
