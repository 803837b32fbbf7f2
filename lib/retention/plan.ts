import { renderLine } from '../names/name.ts'
import { daysAfter, isDaysAgo } from './calendar.ts'
import { allNeeds, isPastItsTime } from './needs.ts'
import { matcher } from '../names/pattern.ts'
import type { Policy } from './policy.ts'
import { makeRoom } from './room.ts'
import { keptBy, later, type KeepRule } from './rules.ts'
import { seriesOf, type Series } from './series.ts'
import type { Kept, Need, World } from './world.ts'

export type Action = 'keep' | 'archive' | 'expire'

export type Rule =
  | KeepRule
  | 'no-policy'
  | 'needed'
  | 'not-yet'
  | 'archive-after'
  | 'expire-after'
  | 'time-to-live'
  | 'size-cap'

/** What becomes of an image, and by which rule. */
export interface Decision {
  readonly image: Kept
  readonly action: Action
  readonly rule: Rule
  readonly policy: Policy | undefined
  readonly needs: readonly Need[]
  /** When the rules would have it go, if nothing else changes; undefined where they do not. */
  readonly due: Date | undefined
}

/**
 * Decides for each image that has not expired what becomes of it, by name. Nothing else goes into it than the world and the policies:
 * carried out and planned again, as of the same moment, it removes nothing more.
 */
export function planRetention(world: World, policies: readonly Policy[]): readonly Decision[] {
  const policyOf = matcher(policies)
  const needs = allNeeds(world)
  const decisions: Decision[] = []
  for (const line of linesOf(world.images)) {
    const [first] = line
    const policy = first && policyOf(first.parsed)
    const series = seriesOf(line)
    for (const image of line) {
      if (image.storage === 'expired') continue
      const asked = { image, policy, series, now: world.now, needs: needs.get(image.name) ?? [] }
      decisions.push(decide(asked))
    }
  }
  return capped(decisions, world.now).toSorted((a, b) => (a.image.name < b.image.name ? -1 : 1))
}

function linesOf(images: readonly Kept[]): Iterable<readonly Kept[]> {
  return Map.groupBy(images, ({ parsed }) => renderLine(parsed)).values()
}

interface Asked {
  readonly image: Kept
  readonly policy: Policy | undefined
  readonly series: Series
  readonly now: Date
  readonly needs: readonly Need[]
}

function decide(asked: Asked): Decision {
  const { image, policy, needs, now } = asked
  const said = (action: Action, rule: Rule, due?: Date): Decision => ({
    ...{ image, policy, needs, action, rule },
    due: action === 'keep' ? due : now,
  })
  if (needs.length > 0) return neededSays(asked, said)
  if (isPastItsTime(image, now)) return said('expire', 'time-to-live')
  if (policy === undefined) return said('keep', 'no-policy', image.expires)
  const kept = keptBy({ ...asked, policy })
  const due = dueBy(image, policy)
  if (kept !== undefined) {
    const goes = kept.until === undefined || due === undefined ? undefined : later(kept.until, due)
    return said('keep', kept.rule, sooner(goes, image.expires))
  }
  if (isOver(image, policy.expireAfterDays, now)) return said('expire', 'expire-after')
  if (mayArchive(image, policy, now)) return said('archive', 'archive-after')
  return said('keep', 'not-yet', sooner(due, image.expires))
}

/** What is needed stays where it is; but what is only held may be archived, if the policy says so. */
function neededSays(
  asked: Asked,
  said: (action: Action, rule: Rule, due?: Date) => Decision,
): Decision {
  const { image, policy, needs, now } = asked
  if (policy?.archiveHeld !== true || needs.some(({ kind }) => kind !== 'hold')) {
    return said('keep', 'needed')
  }
  const mayGo = keptBy({ ...asked, policy }) === undefined && mayArchive(image, policy, now)
  return mayGo ? said('archive', 'archive-after') : said('keep', 'needed')
}

function mayArchive(image: Kept, { archiveAfterDays }: Policy, now: Date): boolean {
  const isThere = image.storage === 'present' && image.expires === undefined
  return isThere && isOver(image, archiveAfterDays, now)
}

function isOver({ published }: Kept, days: number, now: Date): boolean {
  return days > 0 && isDaysAgo(published, days, now)
}

/** When age alone would have an image go. */
function dueBy({ published, storage, expires }: Kept, policy: Policy): Date | undefined {
  const { archiveAfterDays, expireAfterDays } = policy
  const archives = archiveAfterDays > 0 && storage === 'present' && expires === undefined
  if (archives) return daysAfter(published, archiveAfterDays)
  return expireAfterDays > 0 ? daysAfter(published, expireAfterDays) : undefined
}

function sooner(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}

/** The same, with what goes so that the own images of facilities take no more than they may. */
function capped(decisions: readonly Decision[], now: Date): readonly Decision[] {
  const going = new Set<string>()
  const bounded = decisions.filter(({ policy, image }) => isBounded(policy, image))
  const groups = Map.groupBy(bounded, ({ policy, image }) =>
    [policy?.name, image.parsed.namespace].join(' '),
  )
  for (const group of groups.values()) {
    const staying = group.filter(({ action }) => action === 'keep')
    const bytes = staying.reduce((sum, { image }) => sum + image.storedBytes, 0)
    const excess = bytes - (staying[0]?.policy?.capBytes ?? 0)
    const mayGo = staying.filter((decision) => !isSpared(decision, now)).map(usedOf)
    for (const { name } of makeRoom(mayGo, Math.max(0, excess))) going.add(name)
  }
  if (going.size === 0) return decisions
  return decisions.map((decision) =>
    going.has(decision.image.name)
      ? { ...decision, action: 'expire', rule: 'size-cap', due: now }
      : decision,
  )
}

function isBounded(policy: Policy | undefined, { storage, expires }: Kept): boolean {
  return (
    policy !== undefined && policy.capBytes > 0 && storage === 'present' && expires !== undefined
  )
}

/** What is needed stays whatever it takes, and so does what is too young to judge. */
function isSpared({ needs, image, policy }: Decision, now: Date): boolean {
  if (needs.length > 0) return true
  return !isDaysAgo(image.published, policy?.minimumAgeDays ?? 0, now)
}

function usedOf({ image }: Decision) {
  return { name: image.name, bytes: image.storedBytes, used: image.used ?? image.published }
}
