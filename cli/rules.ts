import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  RuleLeaving,
  RulePeers,
  SyncRuleServiceService,
  type SyncRule,
} from '../proto/gen/merge/image/v1/rule.ts'
import { command, type Context, type Paint } from './command.ts'
import { everyItem, present } from './find.ts'
import { ruleOf, termsFlags, whatFlags } from './ruleflags.ts'
import { inWords, leavingWords, termsWords } from './rulewords.ts'
import { facts, listed } from './table.ts'
import { counted, plain, time, zoned } from './units.ts'
import { word } from './words.ts'

const etagFlag = { value: 'ETAG', about: 'only if the rule still has this etag' } as const

const put = command({
  verb: 'put',
  object: 'rule',
  summary: 'have a facility hold images by a rule, without anybody asking for each',
  arguments: ['FACILITY', 'RULE'],
  flags: {
    ...whatFlags,
    cron: { value: 'CRON', about: "select anew at these times only: '0 3 * * *'" },
    'time-zone': { value: 'ZONE', about: 'of that and of --windows; UTC otherwise' },
    jitter: { value: 'SECONDS', about: 'up to so much later, each rule at a moment of its own' },
    leaving: {
      value: 'WHAT',
      about: 'what is selected no more: release, keep, or a number of days (release)',
    },
    ...termsFlags,
    priority: { value: 'N', about: 'what comes first, -100 to 100 (0)' },
    notes: { value: 'TEXT', about: 'what it is for' },
    etag: etagFlag,
  },
  about:
    'It takes the place of the rule of this name, whole: what is not said is none. A facility should hold what any of its rules\n' +
    'selects, and what was pushed to it, in the hours, as fast and from where the most generous of them allows: what is pushed has no\n' +
    'bounds but those of the agent. `preview rule` shows what a rule would fetch, and fetches nothing.',
  examples: [
    'put rule lab1 std --lines debian-*-std-x86 --newest 2',
    "put rule lab1 all --lines '*-*-*-*' --windows 22:00-06:00 --time-zone Europe/Berlin --rate 20M --peers last",
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
    return listed(
      'rules',
      found,
      ruleJson,
      ['Rule', 'Images', 'Next', 'What', 'Fetched'],
      (rule) => [
        ...[rule.name, String(rule.imageCount), nextOf(rule), inWords(rule), termsWords(rule)],
      ],
    )
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

export function ruleJson(rule: SyncRule) {
  return { ...rule, leaving: word(RuleLeaving, rule.leaving), peers: word(RulePeers, rule.peers) }
}

function nextOf({ nextTime, timeZone }: SyncRule): string {
  return nextTime === undefined ? 'on change' : zoned(nextTime, timeZone)
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
    ['Fetched', termsWords(rule)],
    ['Priority', String(priority)],
    ...(notes === '' ? [] : [['Notes', plain(notes)] as const]),
    ['Written', `${time(rule.updateTime)} by ${plain(rule.author)}`],
    ['Etag', rule.etag],
  ])
}
