import { RuleLeaving, RulePeers, SyncRule } from '../proto/gen/merge/image/v1/rule.ts'
import { parseCount } from './count.ts'
import { selectorFlag } from './labelled.ts'
import { parseSize } from './size.ts'
import { UsageError } from './usage.ts'

const putHelp = 'mrg-image put rule --help'

/** What a rule selects. */
export const whatFlags = {
  lines: { value: 'PATTERNS', about: 'of which lines, with commas: debian-*-std-x86,lab2/*-*-*-*' },
  newest: { value: 'N', about: 'the newest N of each line (1, where nothing else is said)' },
  aliases: { value: 'ALIASES', about: 'what these aliases point to, with commas; * for all' },
  held: { about: 'what running materializations and kept artifacts hold' },
  labels: selectorFlag,
  from: { value: 'ORIGIN', about: 'only what is at portal, or at this facility' },
} as const

/** On which terms its images are fetched. */
export const termsFlags = {
  windows: {
    value: 'HOURS',
    about: 'fetch in these hours only, with commas: 22:00-06:00,12:00-13:00, of --time-zone',
  },
  rate: { value: 'SIZE', about: 'bytes a second at most: 50M' },
  peers: {
    value: 'WHEN',
    about: 'facilities that have it before the portal: first, last, only (first)',
  },
} as const

type Given = Readonly<Record<string, string | boolean | undefined>>

export function ruleOf(facility: string, name: string, given: Given): SyncRule {
  const text = (flag: string): string => String(given[flag] ?? '')
  const count = (flag: string, most: number): number =>
    given[flag] === undefined || text(flag) === '0'
      ? 0
      : parseCount(`--${flag}`, text(flag), most, putHelp)
  const split = (flag: string): string[] => (text(flag) === '' ? [] : text(flag).split(','))
  return SyncRule.create({
    ...{ facility, name, patterns: split('lines'), aliases: split('aliases') },
    labels: split('labels'),
    ...{ held: given['held'] === true, origin: text('from'), newest: count('newest', 1000) },
    ...{ cron: text('cron'), timeZone: text('time-zone'), notes: text('notes') },
    ...{ jitterSeconds: count('jitter', 86_400), priority: priorityOf(text('priority')) },
    ...{ windows: split('windows'), peers: peersOf(text('peers')) },
    rate: given['rate'] === undefined ? 0n : BigInt(parseSize('--rate', text('rate'), putHelp)),
    ...leavingOf(text('leaving')),
  })
}

function priorityOf(text: string): number {
  if (text.startsWith('-')) return -parseCount('--priority', text.slice(1), 100, putHelp)
  return text === '' || text === '0' ? 0 : parseCount('--priority', text, 100, putHelp)
}

const peersWords = {
  first: RulePeers.RULE_PEERS_FIRST,
  last: RulePeers.RULE_PEERS_LAST,
  only: RulePeers.RULE_PEERS_ONLY,
} as const

function peersOf(text: string): RulePeers {
  const peers = Object.entries(peersWords).find(([word]) => word === (text || 'first'))?.[1]
  if (peers !== undefined) return peers
  throw new UsageError(`--peers "${text}" is none of these: first, last, only`, putHelp)
}

function leavingOf(text: string): Pick<SyncRule, 'leaving' | 'keepDays'> {
  const { RULE_LEAVING_RELEASE, RULE_LEAVING_KEEP, RULE_LEAVING_KEEP_DAYS } = RuleLeaving
  if (text === '' || text === 'release') return { leaving: RULE_LEAVING_RELEASE, keepDays: 0 }
  if (text === 'keep') return { leaving: RULE_LEAVING_KEEP, keepDays: 0 }
  const keepDays = parseCount('--leaving', text, 36_525, putHelp)
  return { leaving: RULE_LEAVING_KEEP_DAYS, keepDays }
}
