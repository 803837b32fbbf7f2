import type { Logger } from 'pino'
import { isOver } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Changes } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { readGeneration } from '../generation.ts'
import { applyRules, dropUnreachable, endKept } from './applying.ts'
import { readCandidates } from './facts.ts'
import { dueRules, nextTime, postpone } from './queries.ts'
import { lateMs, type RuleRow } from './rule.ts'

export interface KeepingDeps {
  readonly sql: Sql
  readonly changes: Changes
  readonly now: () => Date
  readonly log: Logger
}

const gatherMs = 100

/** Has rules select whenever something changes or their time comes, for ever. What one portal misses the next look makes up for. */
export async function keepSelecting(deps: KeepingDeps, signal: AbortSignal): Promise<void> {
  const look = selecting(deps)
  while (!isOver(signal)) {
    const awake = new AbortController()
    const until = AbortSignal.any([awake.signal, signal])
    const changed = deps.changes.next(until)
    const due = await look().catch((error: unknown) => {
      if (!isOver(signal)) deps.log.warn({ err: error }, 'sync rules could not be looked at')
      return undefined
    })
    await Promise.race([changed, sleepUntil(due, deps, until)])
    awake.abort()
    await sleep(gatherMs, signal).catch(() => undefined)
  }
}

async function sleepUntil(
  time: Date | undefined,
  { now }: KeepingDeps,
  signal: AbortSignal,
): Promise<void> {
  const ms = time === undefined ? Infinity : time.getTime() - now().getTime()
  await sleep(Math.min(Math.max(ms, 0), 60_000), signal).catch(() => undefined)
}

/** Has the rules select that are to now; answers when the next one has its time. */
function selecting({ sql, log, ...deps }: KeepingDeps): () => Promise<Date | undefined> {
  let lookedAt: bigint | undefined
  return async () => {
    const now = deps.now()
    await endKept(sql, now)
    // Before anything is read: what changes meanwhile is of a later generation, and selected anew.
    const generation = await readGeneration(sql)
    if (lookedAt !== generation) await dropUnreachable(sql)
    const due = await readDue(sql, generation, now)
    if (due.length > 0) {
      const candidates = await readCandidates(sql, due, now)
      const facilities = await applyRules(sql, due, candidates, { generation, now })
      const counts = { rules: due.length, facilities: facilities.length }
      if (facilities.length > 0) log.info(counts, 'sync rules selected')
    }
    lookedAt = generation
    return nextTime(sql)
  }
}

/** The rules that are to select now; those that have a moment of their own note when that is. */
async function readDue(sql: Sql, generation: bigint, now: Date): Promise<RuleRow[]> {
  const due: RuleRow[] = []
  for (const rule of await dueRules(sql, generation, now)) {
    const waits = rule.cron === '' && rule.jitterSeconds > 0 && rule.nextTime === null
    if (waits) await postpone(sql, rule, new Date(now.getTime() + lateMs(rule)))
    else due.push(rule)
  }
  return due
}
