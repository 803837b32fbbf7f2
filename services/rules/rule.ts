import { createHash } from 'node:crypto'
import { conflict, missing, type Failure } from '../../lib/failure.ts'
import { parseSelector } from '../../lib/labels.ts'
import { shown } from '../../lib/names/name.ts'
import { parsePattern } from '../../lib/names/pattern.ts'
import type { Selection } from '../../lib/rules/judge.ts'
import { peersCodes, type PeersName } from '../../lib/rules/terms.ts'
import { RuleLeaving, type SyncRule } from '../../proto/gen/merge/image/v1/rule.ts'
import { nextOf as scheduledAfter, type Schedule } from '../schedule.ts'

export type LeavingName = 'release' | 'keep-days' | 'keep'

/** What a person writes of a rule. */
export interface Written extends Schedule {
  readonly facility: string
  readonly name: string
  readonly patterns: readonly string[]
  readonly newest: number
  readonly aliases: readonly string[]
  readonly held: boolean
  readonly origin: string
  /** What labels are to be like, as they are written. */
  readonly labels: readonly string[]
  /** When the agent may fetch what it wants; none for at any time. */
  readonly windows: readonly string[]
  /** Bytes a second; 0 for as fast as they come. */
  readonly rate: bigint
  readonly peers: PeersName
  readonly jitterSeconds: number
  readonly leaving: LeavingName
  readonly keepDays: number
  readonly priority: number
  readonly notes: string
}

/** A rule as it is kept. */
export interface RuleRow extends Written {
  readonly author: string
  readonly updateTime: Date
  readonly version: number
  /** The generation of names of which it selected last; null where it is to select whatever it is. */
  readonly generation: bigint | null
  readonly selectTime: Date | null
  readonly nextTime: Date | null
}

export const leavings: Readonly<Record<LeavingName, RuleLeaving>> = {
  release: RuleLeaving.RULE_LEAVING_RELEASE,
  'keep-days': RuleLeaving.RULE_LEAVING_KEEP_DAYS,
  keep: RuleLeaving.RULE_LEAVING_KEEP,
}

/** What decides which images it selects. */
export function selectionOf(rule: Written): Selection {
  const { patterns, newest, aliases, held, origin, labels } = rule
  return {
    ...{ newest, aliases, held, origin },
    ...{ patterns: patterns.map(parsePattern), labels: labels.map(parseSelector) },
  }
}

/** When a rule's schedule has it select next after a moment, at its own moment; null where it has none. */
export function nextOf(
  rule: Schedule & Pick<Written, 'facility' | 'name' | 'jitterSeconds'>,
  after: Date,
): Date | null {
  // A moment of its own may lie behind the schedule's time that it belongs to.
  const late = lateMs(rule)
  const next = scheduledAfter(rule, new Date(after.getTime() - late))
  return next === null ? null : new Date(next.getTime() + late)
}

/** How much later than others it selects. */
export function lateMs({
  facility,
  name,
  jitterSeconds,
}: Pick<Written, 'facility' | 'name' | 'jitterSeconds'>): number {
  if (jitterSeconds === 0) return 0
  const hash = createHash('sha256').update(`${facility} ${name}`).digest().readUInt32BE()
  return (hash % (jitterSeconds * 1000)) + 1
}

export function renderRule({
  imageCount,
  ...row
}: RuleRow & { readonly imageCount: number }): SyncRule {
  const { zone, leaving, version, selectTime, nextTime, patterns, aliases, ...rest } = row
  const { windows, rate, peers, labels } = rest
  const { facility, name, newest, held, origin, cron, jitterSeconds, keepDays, priority } = rest
  return {
    ...{
      facility,
      name,
      newest,
      held,
      origin,
      cron,
      jitterSeconds,
      keepDays,
      priority,
      imageCount,
    },
    ...{ patterns: [...patterns], aliases: [...aliases], leaving: leavings[leaving] },
    ...{ labels: [...labels], windows: [...windows], rate, peers: peersCodes[peers] },
    ...{ notes: rest.notes, author: rest.author, updateTime: rest.updateTime },
    ...{ timeZone: zone, selectTime: selectTime ?? undefined, nextTime: nextTime ?? undefined },
    etag: String(version),
  }
}

export function noRule(facility: string, name: string): Failure {
  const text = `There is no rule "${shown(name)}" at ${shown(facility)}; "mrg-image list rules ${shown(facility)}" shows those that there are.`
  return missing('RULE_NOT_FOUND', text, { facility, rule: name })
}

export function demandEtag({ facility, name, version }: RuleRow, etag: string): void {
  if (etag === '' || etag === String(version)) return
  const text = `The rule ${name} of ${facility} changed since you read it: read it again and decide anew.`
  throw conflict('ETAG_MISMATCH', text, { facility, rule: name })
}
