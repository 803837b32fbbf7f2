import type { Logger } from 'pino'
import { isOver } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { announceEvents } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { chainOn, type Head } from './chain.ts'
import { addLinks, hasDrafts, lockHead, oldestDrafts, tryHead } from './queries.ts'

const everyMs = 250
const atOnce = 500

/** Puts events into the chain for ever, soon after their transactions have committed. Several portals take turns. */
export async function keepChaining(
  { sql, log }: { readonly sql: Sql; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!isOver(signal)) {
    await chainSome(sql).catch((error: unknown) => {
      if (!isOver(signal)) log.warn({ err: error }, 'the audit log could not be chained')
    })
    await sleep(everyMs, signal).catch(() => undefined)
  }
}

async function chainSome(sql: Sql): Promise<void> {
  if (!(await hasDrafts(sql))) return
  while ((await chainFrom(sql, tryHead)) === atOnce);
}

/** Puts into the chain whatever is committed when it begins, whoever else does. */
export async function chainAll(sql: Sql): Promise<void> {
  while ((await chainFrom(sql, lockHead)) === atOnce);
}

/**
 * Drafts are read after the end of the chain was locked, so that none that somebody else chained is seen again. One that commits later,
 * though its id is smaller, is there the next time.
 */
function chainFrom(
  sql: Sql,
  take: (tx: Transaction) => Promise<Head | undefined>,
): Promise<number> {
  return sql.begin(async (tx) => {
    const head = await take(tx)
    if (head === undefined) return 0
    const drafts = await oldestDrafts(tx, atOnce)
    if (drafts.length === 0) return 0
    await addLinks(tx, chainOn(head, drafts))
    await announceEvents(tx)
    return drafts.length
  })
}
