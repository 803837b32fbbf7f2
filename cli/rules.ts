import { connect, type Remote } from '../lib/rpc/connect.ts'
import { RuleLeaving, SyncRule, SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'
import { command, type Context, type Paint } from './command.ts'
import { parseCount } from './count.ts'
import { everyItem, present } from './find.ts'
import { facts, listed } from './table.ts'
import { counted, plain, time, zoned } from './units.ts'
import { word } from './words.ts'

const etagFlag = { value: 'ETAG', about: 'only if the rule still has this etag' } as const
const putHelp = 'mrg-image put rule --help'

export const whatFlags = {
  lines: { value: 'PATTERNS', about: 'of which lines, with commas: debian-*-std-x86,lab2/*-*-*-*' },
  newest: { value: 'N', about: 'the newest N of each line (1, where nothing else is said)' },
  aliases: { value: 'ALIASES', about: 'what these aliases point to, with commas; * for all' },
  held: { about: 'what running materializations and kept artifacts hold' },
  from: { value: 'ORIGIN', about: 'only what is at portal, or at this facility' },
} as const

const put = command({
  verb: 'put',
  object: 'rule',
  summary: 'have a facility hold images by a rule, without anybody asking for each',
  arguments: ['FACILITY', 'RULE'],
  flags: {
    ...whatFlags,
    cron: { value: 'CRON', about: "select anew at these times only: '0 3 * * *'" },
    'time-zone': { value: 'ZONE', about: 'of that; UTC otherwise' },
    jitter: { value: 'SECONDS', about: 'up to so much later, each rule at a moment of its own' },
    leaving: {
      value: 'WHAT',
      about: 'what is selected no more: release, keep, or a number of days (release)',
    },
    priority: { value: 'N', about: 'what comes first, -100 to 100 (0)' },
    notes: { value: 'TEXT', about: 'what it is for' },
    etag: etagFlag,
  },
  about:
    'It takes the place of the rule of this name, whole: what is not said is none. A facility should hold what any of its rules\n' +
    'selects, and what was pushed to it. `preview rule` shows what a rule would fetch, and fetches nothing.',
  examples: [
    'put rule lab1 std --lines debian-*-std-x86 --newest 2',
    "put rule lab1 nightly --aliases debian,ubuntu --cron '0 3 * * *' --time-zone Europe/Berlin --jitter 3600",
  ],
  async run(context, [facility, name], { etag = '', ...flags }) {
    const rule = ruleOf(facility, name, flags)
    const request = { requestId: context.newId(), rule, etag }
    const answer = await rules(context).putSyncRule(request, { signal: context.signal })
    const kept = present(answer.rule)
    const next = '`preview rule` shows what it would fetch.'
    const text = `${name} is kept: ${facility} is to have ${inWords(kept)}.\n${next}`
    return { json: ruleJson(kept), text: () => text }
  },
})

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
    ...{ held: given['held'] === true, origin: text('from'), newest: count('newest', 1000) },
    ...{ cron: text('cron'), timeZone: text('time-zone'), notes: text('notes') },
    ...{ jitterSeconds: count('jitter', 86_400), priority: priorityOf(text('priority')) },
    ...leavingOf(text('leaving')),
  })
}

function priorityOf(text: string): number {
  if (text.startsWith('-')) return -parseCount('--priority', text.slice(1), 100, putHelp)
  return text === '' || text === '0' ? 0 : parseCount('--priority', text, 100, putHelp)
}

function leavingOf(text: string): Pick<SyncRule, 'leaving' | 'keepDays'> {
  const { RULE_LEAVING_RELEASE, RULE_LEAVING_KEEP, RULE_LEAVING_KEEP_DAYS } = RuleLeaving
  if (text === '' || text === 'release') return { leaving: RULE_LEAVING_RELEASE, keepDays: 0 }
  if (text === 'keep') return { leaving: RULE_LEAVING_KEEP, keepDays: 0 }
  const keepDays = parseCount('--leaving', text, 36_525, putHelp)
  return { leaving: RULE_LEAVING_KEEP_DAYS, keepDays }
}

const list = command({
  verb: 'list',
  object: 'rules',
  summary: "list a facility's sync rules, and what each selects",
  arguments: ['FACILITY'],
  flags: {},
  examples: ['list rules lab1'],
  async run(context, [facility]) {
    const { signal } = context
    const found = await everyItem(
      (page) => rules(context).listSyncRules({ ...page, facility }, { signal }),
      (page) => page.rules,
    )
    return listed('rules', found, ruleJson, ['Rule', 'Images', 'Next', 'What'], (rule) => [
      ...[rule.name, String(rule.imageCount), nextOf(rule), inWords(rule)],
    ])
  },
})

const show = command({
  verb: 'show',
  object: 'rule',
  summary: 'show a sync rule of a facility',
  arguments: ['FACILITY', 'RULE'],
  flags: {},
  examples: ['show rule lab1 std'],
  async run(context, [facility, name]) {
    const answer = await rules(context).getSyncRule({ facility, name }, { signal: context.signal })
    const rule = present(answer.rule)
    return { json: ruleJson(rule), text: (paint) => shown(paint, rule) }
  },
})

const remove = command({
  verb: 'delete',
  object: 'rule',
  summary: 'end a sync rule; what it alone wanted stays until its room is needed',
  arguments: ['FACILITY', 'RULE'],
  flags: { etag: etagFlag },
  examples: ['delete rule lab1 std'],
  async run(context, [facility, name], { etag = '' }) {
    const request = { requestId: context.newId(), facility, name, etag }
    await rules(context).deleteSyncRule(request, { signal: context.signal })
    return { json: { facility, name }, text: () => `${name} is no rule of ${facility} any more.` }
  },
})

export const ruleCommands = [put, list, show, remove]

export function rules({ channel }: Context): Remote<SyncRuleServiceService> {
  return connect(SyncRuleServiceService, channel)
}

function ruleJson(rule: SyncRule) {
  return { ...rule, leaving: word(RuleLeaving, rule.leaving) }
}

function nextOf({ nextTime, timeZone }: SyncRule): string {
  return nextTime === undefined ? 'on change' : zoned(nextTime, timeZone)
}

/** `the newest 2 of debian-*-std-x86, and what the alias debian points to` */
function inWords({ patterns, newest, aliases, held, origin }: SyncRule): string {
  const of = patterns.length === 0 ? '' : ` of ${patterns.join(', ')}`
  const parts = [
    newest === 1 ? 'the newest' : newest > 1 ? `the newest ${newest}` : '',
    aliases.includes('*')
      ? 'what aliases point to'
      : aliases.length > 0
        ? `what ${aliases.join(', ')} ${aliases.length > 1 ? 'point' : 'points'} to`
        : '',
    held ? 'what is held' : '',
  ].filter((part) => part !== '')
  return `${parts.join(', and ')}${of}${origin === '' ? '' : `, from ${origin}`}`
}

function leavingWords({ leaving, keepDays }: SyncRule): string {
  if (leaving === RuleLeaving.RULE_LEAVING_KEEP) return 'stays wanted'
  return leaving === RuleLeaving.RULE_LEAVING_KEEP_DAYS
    ? `stays wanted for ${counted(keepDays, 'day')}`
    : 'stays until its room is needed'
}

function shown(paint: Paint, rule: SyncRule): string {
  const { facility, name, cron, timeZone, jitterSeconds, priority, notes, selectTime } = rule
  const late = jitterSeconds === 0 ? '' : `, up to ${counted(jitterSeconds, 'second')} later`
  const when = cron === '' ? `whenever something changes${late}` : `${cron} in ${timeZone}${late}`
  return facts(paint, [
    ['Rule', `${paint('bold', name)} of ${facility}`],
    ['What', inWords(rule)],
    ['When', when],
    ['Next', nextOf(rule)],
    ['Selected', selectTime === undefined ? 'never yet' : time(selectTime)],
    ['Images', String(rule.imageCount)],
    ['Selected no more', leavingWords(rule)],
    ['Priority', String(priority)],
    ...(notes === '' ? [] : [['Notes', plain(notes)] as const]),
    ['Written', `${time(rule.updateTime)} by ${plain(rule.author)}`],
    ['Etag', rule.etag],
  ])
}
