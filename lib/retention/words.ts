import { inDays } from './calendar.ts'
import type { Decision, Rule } from './plan.ts'
import type { Policy } from './policy.ts'
import type { KeepRule } from './rules.ts'
import type { Need } from './world.ts'

/** Why an image stays or goes, as a sentence. */
export function sentence(decision: Decision): string {
  const { needs, rule, due } = decision
  if (rule === 'needed' && decision.action === 'keep') return `It stays: ${needsInWords(needs)}.`
  const because = reasons[rule](decision)
  if (decision.action === 'keep') return `It stays${until(due)}: ${because}.`
  const held = needs.some(({ kind }) => kind === 'hold') ? ', and can be restored when wanted' : ''
  return decision.action === 'archive'
    ? `It goes to the archive: ${because}${held}.`
    : `It goes: ${because}.`
}

const reasons: Readonly<Record<Rule, (decision: Decision) => string>> = {
  'no-policy': () => 'no policy is about its line',
  needed: ({ needs }) => needsInWords(needs),
  newest: ({ policy }) =>
    `it is among the newest ${policy?.keepNewest ?? 0} of its line, which are kept`,
  monthly: ({ policy }) =>
    `it is the newest of its month, and ${policy?.keepMonthly ?? 0} months are kept`,
  quarterly: ({ policy }) =>
    `it is the newest of its quarter, and ${policy?.keepQuarterly ?? 0} quarters are kept`,
  'minimum-age': ({ policy }) => `it is younger than ${inDays(policy?.minimumAgeDays ?? 0)}`,
  used: ({ policy }) => `a facility used it within ${inDays(policy?.usedDays ?? 0)}`,
  'not-yet': ({ policy }) =>
    (policy?.expireAfterDays ?? 0) + (policy?.archiveAfterDays ?? 0) === 0
      ? 'its policy lets nothing go by age'
      : 'it is not old enough',
  'archive-after': ({ policy }) =>
    `it is older than ${inDays(policy?.archiveAfterDays ?? 0)}, and nothing keeps it`,
  'expire-after': ({ policy }) =>
    `it is older than ${inDays(policy?.expireAfterDays ?? 0)}, and nothing keeps it`,
  'time-to-live': ({ image }) => `its time was over on ${day(image.expires)}`,
  'size-cap': ({ image, policy }) =>
    `the own images of ${image.parsed.namespace} take more than ${policy?.capBytes ?? 0} bytes, and it was used longest ago`,
}

/** What a rule of a policy says of an image, apart from all others. */
export function ruleSentence(
  rule: KeepRule,
  decision: Decision,
  { keeps, until: end }: { readonly keeps: boolean; readonly until: Date | undefined },
): string {
  if (keeps) return `Keeps it${until(end)}: ${reasons[rule](decision)}.`
  return decision.policy?.[fields[rule]] === 0
    ? 'Its policy keeps none by this rule.'
    : off[rule](decision)
}

const fields = {
  newest: 'keepNewest',
  monthly: 'keepMonthly',
  quarterly: 'keepQuarterly',
  'minimum-age': 'minimumAgeDays',
  used: 'usedDays',
} as const satisfies Readonly<Record<KeepRule, keyof Policy>>

const off: Readonly<Record<KeepRule, (decision: Decision) => string>> = {
  newest: ({ policy }) => `It is not among the newest ${policy?.keepNewest ?? 0} of its line.`,
  monthly: ({ policy }) =>
    `It is not the newest of one of the last ${policy?.keepMonthly ?? 0} months.`,
  quarterly: ({ policy }) =>
    `It is not the newest of one of the last ${policy?.keepQuarterly ?? 0} quarters.`,
  'minimum-age': ({ policy }) => `It is not younger than ${inDays(policy?.minimumAgeDays ?? 0)}.`,
  used: ({ policy }) => `No facility used it within ${inDays(policy?.usedDays ?? 0)}.`,
}

const shown = 3

function needsInWords(needs: readonly Need[]): string {
  const told = needs.slice(0, shown).map(({ message }) => message)
  const more = needs.length - told.length
  return [...told, ...(more > 0 ? [`and for ${more} more reasons`] : [])].join('; ')
}

function until(time: Date | undefined): string {
  return time === undefined ? '' : ` until ${day(time)}`
}

function day(time: Date | undefined): string {
  return time?.toISOString().slice(0, 10) ?? ''
}
