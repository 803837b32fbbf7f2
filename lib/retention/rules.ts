import { daysAfter, isDaysAgo, monthOf, monthStart, quarterOf, quarterStart } from './calendar.ts'
import type { Policy } from './policy.ts'
import type { Series } from './series.ts'
import type { Kept } from './world.ts'

/** The rules of a policy that keep an image, in their order. */
export const keepRules = ['newest', 'monthly', 'quarterly', 'minimum-age', 'used'] as const
export type KeepRule = (typeof keepRules)[number]

/** What a rule says of an image. */
export interface Said {
  readonly keeps: boolean
  /** When it will keep it no more, if nothing else changes; undefined where nobody knows. */
  readonly until: Date | undefined
}

const no: Said = { keeps: false, until: undefined }

interface Asked {
  readonly image: Kept
  readonly policy: Policy
  readonly series: Series
  readonly now: Date
}

const rules: Readonly<Record<KeepRule, (asked: Asked) => Said>> = {
  newest({ image, policy, series }) {
    const rank = series.rank(image)
    return rank !== undefined && rank < policy.keepNewest ? { keeps: true, until: undefined } : no
  },
  monthly({ image, policy, series, now }) {
    const end = monthOf(image.published) + policy.keepMonthly
    const keeps = series.isNewestOfMonth(image) && end > monthOf(now)
    return keeps ? { keeps, until: monthStart(end) } : no
  },
  quarterly({ image, policy, series, now }) {
    const end = quarterOf(image.published) + policy.keepQuarterly
    const keeps = series.isNewestOfQuarter(image) && end > quarterOf(now)
    return keeps ? { keeps, until: quarterStart(end) } : no
  },
  'minimum-age'({ image: { published }, policy: { minimumAgeDays }, now }) {
    if (isDaysAgo(published, minimumAgeDays, now)) return no
    return { keeps: true, until: daysAfter(published, minimumAgeDays) }
  },
  used({ image: { used }, policy: { usedDays }, now }) {
    if (used === undefined || usedDays === 0 || isDaysAgo(used, usedDays, now)) return no
    return { keeps: true, until: daysAfter(used, usedDays) }
  },
}

/** What a rule of the policy says of an image now. */
export function sayRule(rule: KeepRule, asked: Asked): Said {
  return rules[rule](asked)
}

/** The first rule that keeps an image, and when the last of those that do lets it go; undefined where none keeps it. */
export function keptBy(
  asked: Asked,
): { readonly rule: KeepRule; readonly until: Date | undefined } | undefined {
  let first: KeepRule | undefined
  let until: Date | undefined = new Date(0)
  for (const rule of keepRules) {
    const said = sayRule(rule, asked)
    if (!said.keeps) continue
    first ??= rule
    until = until === undefined || said.until === undefined ? undefined : later(until, said.until)
  }
  return first === undefined ? undefined : { rule: first, until }
}

export function later(a: Date, b: Date): Date {
  return a > b ? a : b
}
