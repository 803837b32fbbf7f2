import { readImageName, renderLine } from '../lib/names/name.ts'
import {
  ItemOutcome,
  RetentionAction,
  RetentionRule,
  RunState,
  type PlaceBytes,
  type RetentionItem,
  type RetentionRun,
} from '../proto/gen/merge/image/v1/retention.ts'
import { HolderKind } from '../proto/gen/merge/image/v1/hold.ts'
import type { Paint } from './command.ts'
import { coloured, facts, table } from './table.ts'
import { bytes, counted, plain, share, time } from './units.ts'
import { word } from './words.ts'

// How plans and what became of them are told.

export function runJson(run: RetentionRun) {
  return { ...run, state: word(RunState, run.state) }
}

export function itemJson(item: RetentionItem) {
  return {
    ...item,
    action: word(RetentionAction, item.action),
    rule: ruleWord(item.rule),
    outcome: item.outcome === 0 ? '' : word(ItemOutcome, item.outcome),
    holders: item.holders.map((holder) => ({ ...holder, kind: word(HolderKind, holder.kind) })),
  }
}

function ruleWord(rule: RetentionRule): string {
  return word(RetentionRule, rule).replaceAll('_', ' ')
}

export const runHeadings = [
  'Plan',
  'State',
  'Made',
  'By',
  'Lines',
  '>Archives',
  '>Expires',
  'Frees',
]

export function runCells(run: RetentionRun, paint: Paint): readonly string[] {
  const { id, planTime, creator, pattern, archiveCount, expireCount, freedBytes } = run
  const is = coloured(paint, word(RunState, run.state))
  const counts = [String(archiveCount), String(expireCount), places(freedBytes)]
  return [id, is, time(planTime), plain(creator), pattern || 'all', ...counts]
}

/** `12 GB at the portal, 3 GB at lab1` */
function places(freed: readonly PlaceBytes[]): string {
  const at = ({ place, bytes: count }: PlaceBytes): string => {
    const where = place === 'portal' || place === 'archive' ? `in the ${place}` : `at ${place}`
    return `${bytes(count)} ${where.replace('in the portal', 'at the portal')}`
  }
  return freed.map(at).join(', ') || 'nothing'
}

/** A plan, with these of its items in a table. */
export function planText(
  paint: Paint,
  run: RetentionRun,
  items: readonly RetentionItem[],
  shown: readonly RetentionItem[],
): string {
  const rows = shown.toSorted(byRuleAndLine).map((item) => itemCells(item, paint))
  const parts = [
    about(paint, run),
    rows.length === 0 ? 'Nothing goes.' : table(paint, itemHeadings, rows),
    keptText(items),
    next(run),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

const itemHeadings = ['Does', 'By', 'Image', '>Own bytes', 'Why', 'What became of it']

function itemCells(item: RetentionItem, paint: Paint): readonly string[] {
  const { image, action, rule, message, ownBytes, outcomeMessage } = item
  const own = ownBytes.reduce((sum, { bytes: count }) => sum + count, 0n)
  const does = word(RetentionAction, action)
  const colour = action === RetentionAction.RETENTION_ACTION_EXPIRE ? 'red' : 'yellow'
  const painted = action === RetentionAction.RETENTION_ACTION_KEEP ? does : paint(colour, does)
  return [painted, ruleWord(rule), image, bytes(own), plain(message), plain(outcomeMessage)]
}

function byRuleAndLine(a: RetentionItem, b: RetentionItem): number {
  return b.action - a.action || a.rule - b.rule || (a.image < b.image ? -1 : 1)
}

function about(paint: Paint, run: RetentionRun): string {
  const { id, pattern, planTime, creator, keepCount, archiveCount, expireCount } = run
  const { freedBytes, archivedBytes, totalBytes, etag, message, applyTime, endTime } = run
  const freed = freedBytes.reduce((sum, { bytes: count }) => sum + count, 0n)
  const of = freed > 0n ? `, ${share(freed, totalBytes)} of ${bytes(totalBytes)}` : ''
  const adds = archivedBytes > 0n ? `; the archive takes ${bytes(archivedBytes)} more` : ''
  const applied = applyTime && `${time(applyTime)} by ${plain(run.applier)}`
  const facets: readonly (readonly [string, string | undefined])[] = [
    ['Plan', paint('bold', id)],
    ['State', stateText(paint, run)],
    ['Message', message === '' ? undefined : plain(message)],
    ['Made', `${time(planTime)} by ${plain(creator)}`],
    ['Lines', pattern || 'all'],
    ['Does', `expires ${expireCount}, archives ${archiveCount}, keeps ${keepCount}`],
    ['Frees', `${places(freedBytes)}${of}${adds}`],
    ['Applied', applied],
    ['Ended', endTime && time(endTime)],
    ['Etag', etag],
  ]
  return facts(
    paint,
    facets.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )
}

function stateText(paint: Paint, run: RetentionRun): string {
  const is = coloured(paint, word(RunState, run.state))
  if (run.state !== RunState.RUN_STATE_APPLYING) return is
  return `${is}: ${run.doneCount} of ${run.archiveCount + run.expireCount}`
}

/** What is kept, in counts by the rule and by the kind of what needs it. */
function keptText(items: readonly RetentionItem[]): string {
  const kept = items.filter(({ action }) => action === RetentionAction.RETENTION_ACTION_KEEP)
  if (kept.length === 0) return ''
  const why = (item: RetentionItem): string => {
    const [holder] = item.holders
    if (item.rule !== RetentionRule.RETENTION_RULE_NEEDED || holder === undefined) {
      return ruleWord(item.rule)
    }
    return `needed (${word(HolderKind, holder.kind)})`
  }
  const groups = [...Map.groupBy(kept, why)].toSorted(([, a], [, b]) => b.length - a.length)
  const told = groups.map(([reason, some]) => `${some.length} ${reason}`).join(', ')
  const lines = new Set(kept.map(({ image }) => lineOf(image))).size
  return `Keeps ${counted(kept.length, 'image')} of ${counted(lines, 'line')}: ${told}.`
}

function lineOf(image: string): string {
  const name = readImageName(image)
  return name === undefined ? image : renderLine(name)
}

function next({ id, etag, state, archiveCount, expireCount }: RetentionRun): string {
  const canBe = state === RunState.RUN_STATE_PLANNED || state === RunState.RUN_STATE_WAITING
  if (!canBe || archiveCount + expireCount === 0n) return ''
  return `\`mrg-image apply plan ${id} --etag ${etag}\` does exactly this.`
}

/** How a run ended. */
export function runText(paint: Paint, run: RetentionRun, left: readonly RetentionItem[]): string {
  const done = Number(run.archiveCount + run.expireCount) - left.length
  const what = `${run.id} is carried out: ${counted(done, 'image')} gone as planned; ${places(run.freedBytes)} come free once the collector has been.`
  if (left.length === 0) return what
  const rows = left.map(({ image, outcomeMessage }) => [image, plain(outcomeMessage)])
  return `${what}\n\nLeft alone:\n${table(paint, ['Image', 'Why'], rows)}`
}
