import { createHash } from 'node:crypto'
import { fits, type Pattern } from '../../lib/names/pattern.ts'
import { planRetention, type Decision } from '../../lib/retention/plan.ts'
import { atOneMoment } from '../db/moment.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { readWorld } from '../needs/world.ts'
import { measure, type Measured } from './bytes.ts'
import { goes } from './codes.ts'
import { printOf, toPolicy } from './policy.ts'
import { readPolicies } from './queries.ts'

/** Which images a plan judges. */
export interface Scope {
  /** Only lines that fit; undefined for all. */
  readonly pattern: Pattern | undefined
  /** Only those that this policy decides over, as a schedule does; null for all. */
  readonly policy: string | null
}

/** What the policies would have done as of a moment. */
export interface Judged {
  readonly now: Date
  /** Of all images that it judges, by name. */
  readonly decisions: Decision[]
  /** The policies by which images go, and in which version each was. */
  readonly policies: Readonly<Record<string, string>>
}

export interface Plan extends Judged, Measured {
  /** Says what it would do. */
  readonly etag: string
}

/** Plans as of one moment: what is written meanwhile is not seen, or seen whole. */
export async function planNow(sql: Sql, now: Date, scope: Scope): Promise<Plan> {
  return atOneMoment(sql, async (tx) => {
    // One pass over all that names chunks: in memory rather than in files, where it fits.
    await tx`set local work_mem = '64MB'`
    const judged = await judge(tx, now, scope)
    const isWhole = scope.pattern === undefined && scope.policy === null
    const measured = await measure(tx, { decisions: judged.decisions, isWhole })
    return { ...judged, ...measured, etag: etagOf(judged) }
  })
}

/**
 * Decides over the images of a scope. All others are read as well: one may have been made of another, or be newer, or take room. What is
 * read in several statements is of one moment in a transaction that is repeatable read, and about now in others.
 */
export async function judge(
  tx: Sql | Transaction,
  now: Date,
  { pattern, policy }: Scope,
): Promise<Judged> {
  const rows = await readPolicies(tx)
  const all = planRetention(await readWorld(tx, now), rows.map(toPolicy))
  const decisions = all.filter(
    (one) =>
      (pattern === undefined || fits(pattern, one.image.parsed)) &&
      (policy === null || one.policy?.name === policy),
  )
  const used = new Set(decisions.filter(goes).map((one) => one.policy?.name))
  const prints = rows.filter(({ name }) => used.has(name)).map((row) => [row.name, printOf(row)])
  return { now, decisions, policies: Object.fromEntries(prints) as Record<string, string> }
}

function etagOf({ decisions, policies }: Judged): string {
  const hash = createHash('sha256').update(JSON.stringify(policies))
  for (const { image, action, rule, policy } of decisions) {
    if (action !== 'keep') hash.update([image.name, action, rule, policy?.name, '\n'].join(' '))
  }
  return hash.digest('hex').slice(0, 32)
}
