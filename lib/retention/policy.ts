import { invalid, type Failure } from '../failure.ts'
import { inDays } from './calendar.ts'
import { clash, meet, renderPattern, type Pattern } from '../names/pattern.ts'

/** What happens to the images of the lines that fit a pattern; 0 is never, or none. */
export interface Policy {
  readonly name: string
  readonly pattern: Pattern
  readonly keepNewest: number
  readonly keepMonthly: number
  readonly keepQuarterly: number
  readonly minimumAgeDays: number
  readonly usedDays: number
  readonly archiveAfterDays: number
  readonly expireAfterDays: number
  readonly capBytes: number
  readonly archiveHeld: boolean
}

const counts = [
  'keepNewest',
  'keepMonthly',
  'keepQuarterly',
  'minimumAgeDays',
  'usedDays',
  'archiveAfterDays',
  'expireAfterDays',
] as const

/** A century of days. */
const most = 36_525

/** Refuses a policy that cannot be meant. */
export function demandPolicy(policy: Policy): void {
  for (const field of counts) {
    if (policy[field] > most) {
      throw wrong(field, `${snake(field)} is ${most} at most, and this is ${policy[field]}.`)
    }
  }
  const { archiveAfterDays, expireAfterDays, capBytes, pattern, archiveHeld } = policy
  if (expireAfterDays > 0 && archiveAfterDays > expireAfterDays) {
    const text = `Images would expire after ${inDays(expireAfterDays)} and be archived after ${archiveAfterDays}: archive them earlier, or never.`
    throw wrong('archiveAfterDays', text)
  }
  if (capBytes > 0 && pattern.namespace === '') {
    throw wrong('capBytes', "cap_bytes is for facilities' lines, and this pattern is the portal's.")
  }
  if (archiveHeld && archiveAfterDays === 0) {
    throw wrong('archiveHeld', 'archive_held says nothing without archive_after_days.')
  }
  if (keepsNothing(policy)) throw removesAll(policy)
}

/** Expires whatever nobody needs within a day or so of its being published. */
function keepsNothing(policy: Policy): boolean {
  const { keepNewest, keepMonthly, keepQuarterly, minimumAgeDays, usedDays } = policy
  const { expireAfterDays } = policy
  const kept = keepNewest + keepMonthly + keepQuarterly + minimumAgeDays + usedDays
  return expireAfterDays > 0 && expireAfterDays < leastDays && kept === 0
}

/** Who publishes an image has so long to hold it. */
const leastDays = 7

function removesAll({ expireAfterDays }: Policy): Failure {
  return invalid(
    'POLICY_REMOVES_ALL',
    `It would remove everything but the newest of each line after ${inDays(expireAfterDays)}, whatever is in use: keep some (keep_newest, keep_monthly, keep_quarterly, minimum_age_days, used_days), or expire after ${inDays(leastDays)} or more.`,
    { field: 'expire_after_days' },
  )
}

/** Refuses a policy that fits lines in common with another, where neither is the more specific one. */
export function demandApart(policy: Policy, others: readonly Policy[]): void {
  const rival = others.find((other) => other.name !== policy.name && rivals(policy, other))
  if (rival === undefined) return
  const common = meet(policy.pattern, rival.pattern)
  const line = common === undefined ? '' : renderPattern(common)
  throw invalid(
    'POLICY_OVERLAPS',
    `"${rival.name}" (${renderPattern(rival.pattern)}) fits lines such as ${line} too, and neither is the more specific one: name more fields in one of them, or fewer.`,
    { policy: rival.name, line },
  )
}

function rivals(a: Policy, b: Policy): boolean {
  return renderPattern(a.pattern) === renderPattern(b.pattern) || clash(a.pattern, b.pattern)
}

function wrong(field: keyof Policy, text: string): Failure {
  return invalid('INVALID_FIELD', text, { field: snake(field) })
}

function snake(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
