import { conflict, missing, precondition, type Failure } from '../../lib/failure.ts'
import { shown } from '../../lib/names/name.ts'
import { parsePattern } from '../../lib/names/pattern.ts'
import type { Decision } from '../../lib/retention/plan.ts'
import { sentence } from '../../lib/retention/words.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { ApplyPlanRequest } from '../../proto/gen/merge/image/v1/retention.ts'
import type { Transaction } from '../db/open.ts'
import { judge, type Judged } from './planning.ts'
import { isOwner, notYours } from './policies.ts'
import { ownerOf } from './policy.ts'
import { lockRun, plannedItems, startRun, type ItemRow, type RunRow } from './runs.ts'

/** Throws ARCHIVE_UNREACHABLE where nothing can be archived now. */
export type DemandArchive = () => Promise<unknown>

/** Has a plan carried out if what it would do is still right, or says what has changed. */
export async function applyPlan(
  tx: Transaction,
  { now, demandArchive }: { readonly now: () => Date; readonly demandArchive: DemandArchive },
  { run: id, etag }: ApplyPlanRequest,
  caller: Caller,
): Promise<RunRow> {
  const run = await lockRun(tx, id)
  if (run === undefined) throw noRun(id)
  if (!isOwner(caller, run.pattern === '' ? '*' : ownerOf(run.pattern))) {
    throw notYours(caller, `what the plan ${id} is about`)
  }
  demandEtag(run, etag)
  demandPlanned(run)
  if (run.archiveCount > 0n) await demandArchive()
  const pattern = run.pattern === '' ? undefined : parsePattern(run.pattern)
  const judged = await judge(tx, now(), { pattern, policy: run.policy })
  demandFresh(run, changesSince(run, await plannedItems(tx, id), judged))
  await startRun(tx, id, caller.name, now())
  return run
}

function demandEtag({ id, etag }: RunRow, given: string): void {
  if (given === etag) return
  const text = `${given === '' ? 'Say' : 'This is not'} the etag of the plan ${id} as you reviewed it: "mrg-image show run ${id}" tells it.`
  throw conflict('ETAG_MISMATCH', text, { run: id })
}

function demandPlanned({ id, state }: RunRow): void {
  if (state === 'planned' || state === 'waiting') return
  const is = { applying: 'being carried out', done: 'carried out', lapsed: 'too old' }[state]
  const text = `The plan ${id} is ${is}: make a new one by "mrg-image plan retention".`
  throw precondition('WRONG_STATE', text, { state })
}

/** What a plan would do that is not right any more, a sentence each. */
export function changesSince(
  { policies }: Pick<RunRow, 'policies'>,
  items: readonly Pick<ItemRow, 'image' | 'action' | 'policy'>[],
  judged: Judged,
): readonly string[] {
  const now = new Map(judged.decisions.map((decision) => [decision.image.name, decision]))
  const changed = Object.keys(policies)
    .filter((name) => judged.policies[name] !== policies[name] && name in judged.policies)
    .map((name) => `the policy ${name} changed`)
  return [...changed, ...items.flatMap((item) => changeOf(item, now.get(item.image)))]
}

function changeOf(
  { image, action, policy }: Pick<ItemRow, 'image' | 'action' | 'policy'>,
  now: Decision | undefined,
): readonly string[] {
  if (now === undefined) return [`${image} is not judged any more`]
  const by = now.policy?.name ?? ''
  if (now.action === action && by === policy) return []
  const which = by === policy || by === '' ? '' : ` (policy ${by})`
  return [`${image} was to be ${words[action]}${which}: ${sentence(now).replace(/\.$/, '')}`]
}

const words = { keep: 'kept', archive: 'archived', expire: 'expired' } as const
const told = 12

function demandFresh({ id }: RunRow, changes: readonly string[]): void {
  if (changes.length === 0) return
  const more = changes.length - told
  const list = [...changes.slice(0, told), ...(more > 0 ? [`and ${more} more`] : [])].join('\n  ')
  const text = `The plan ${id} is not right any more, and nothing was done: make a new one and review it. What changed:\n  ${list}`
  throw precondition('PLAN_STALE', text, { run: id, count: String(changes.length) })
}

/** RUN_NOT_FOUND. */
export function noRun(id: string): Failure {
  const text = `There is no plan "${shown(id)}": plans that nobody applied are kept for a week, and "mrg-image list runs" shows those that there are.`
  return missing('RUN_NOT_FOUND', text, { run: id })
}
