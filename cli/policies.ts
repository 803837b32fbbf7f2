import { connect, type Remote } from '../lib/rpc/connect.ts'
import { RetentionPolicy, RetentionServiceService } from '../proto/gen/merge/image/v1/retention.ts'
import { command, type Context, type Paint } from './command.ts'
import { parseCount } from './count.ts'
import { everyItem, present } from './find.ts'
import { parseSize } from './size.ts'
import { facts, listed } from './table.ts'
import { bytes, counted, plain, time, zoned } from './units.ts'

const etagFlag = { value: 'ETAG', about: 'only if the policy still has this etag' } as const
const putHelp = 'mrg-image put policy --help'
const mostDays = 36_525

const put = command({
  verb: 'put',
  object: 'policy',
  summary: 'say which images of which lines are kept, archived and expired',
  arguments: ['POLICY'],
  flags: {
    pattern: {
      value: 'PATTERN',
      about: 'which lines: debian-*-std-x86, lab1/*-*-*-*',
      required: true,
    },
    'keep-newest': { value: 'N', about: 'keep the newest N of each line' },
    'keep-monthly': { value: 'N', about: 'keep the newest of each month, N months back' },
    'keep-quarterly': { value: 'N', about: 'keep the newest of each quarter, N quarters back' },
    'minimum-age': { value: 'DAYS', about: 'keep what is younger' },
    used: { value: 'DAYS', about: 'keep what a facility used within so many days' },
    'archive-after': { value: 'DAYS', about: 'archive what is older and not kept' },
    'expire-after': { value: 'DAYS', about: 'expire what is older and not kept' },
    cap: { value: 'SIZE', about: "what a facility's own images may take, 200G say" },
    'archive-held': { about: 'archive also what is held, and needed by nothing else' },
    cron: { value: 'CRON', about: "plan and apply by itself: '0 3 * * 0'" },
    'time-zone': { value: 'ZONE', about: 'of that; UTC otherwise' },
    brake: { value: 'PERCENT', about: 'what a schedule may free without a person (20)' },
    notes: { value: 'TEXT', about: 'what it is for' },
    etag: etagFlag,
    check: { about: 'only say whether it can be used, and keep nothing' },
  },
  about:
    'It takes the place of the policy of this name, whole: what is not said is none. Of two policies that fit a line the more\n' +
    'specific one counts. Nothing goes before a plan is applied: `plan retention` shows what would.',
  examples: [
    "put policy std --pattern 'debian-*-std-*' --keep-newest 3 --keep-monthly 12 --archive-after 90 --expire-after 730",
    "put policy lab1 --pattern 'lab1/*-*-*-*' --cap 200G --cron '0 4 * * *'",
  ],
  async run(context, [name], { etag = '', check = false, ...flags }) {
    const policy = policyOf(name, flags)
    const request = { requestId: context.newId(), policy, etag, validateOnly: check }
    const kept = present(
      (await retention(context).putPolicy(request, { signal: context.signal })).policy,
    )
    const next = `\`mrg-image plan retention '${kept.pattern}'\` shows what would go.`
    const done = check ? `${name} can be used` : `${name} is kept`
    return { json: kept, text: () => `${done}: ${inWords(kept)}.\n${next}` }
  },
})

type Given = Readonly<Record<string, string | boolean | undefined>> & { readonly pattern: string }

function policyOf(name: string, given: Given): RetentionPolicy {
  const text = (flag: string): string => String(given[flag] ?? '')
  const count = (flag: string, most = mostDays): number =>
    given[flag] === undefined || text(flag) === '0'
      ? 0
      : parseCount(`--${flag}`, text(flag), most, putHelp)
  const cap = text('cap')
  return RetentionPolicy.create({
    ...{ name, pattern: given.pattern, archiveHeld: given['archive-held'] === true },
    keepNewest: count('keep-newest'),
    keepMonthly: count('keep-monthly'),
    keepQuarterly: count('keep-quarterly'),
    minimumAgeDays: count('minimum-age'),
    usedDays: count('used'),
    archiveAfterDays: count('archive-after'),
    expireAfterDays: count('expire-after'),
    capBytes: cap === '' || cap === '0' ? 0n : BigInt(parseSize('--cap', cap, putHelp)),
    ...{ cron: text('cron'), timeZone: text('time-zone'), notes: text('notes') },
    brakePercent: count('brake', 100),
  })
}

const list = command({
  verb: 'list',
  object: 'policies',
  summary: 'list the retention policies, and what each keeps',
  arguments: [],
  flags: {},
  examples: ['list policies'],
  async run(context) {
    const { signal } = context
    const found = await everyItem(
      (page) => retention(context).listPolicies(page, { signal }),
      (page) => page.policies,
    )
    return listed('policies', found, (policy) => policy, headings, cells)
  },
})

const headings = ['Policy', 'Lines', 'Next', 'What']

function cells(policy: RetentionPolicy): readonly string[] {
  const { name, pattern, nextTime, timeZone } = policy
  const next = nextTime === undefined ? '-' : zoned(nextTime, timeZone)
  return [name, pattern, next, inWords(policy)]
}

const show = command({
  verb: 'show',
  object: 'policy',
  summary: 'show a retention policy',
  arguments: ['POLICY'],
  flags: {},
  examples: ['show policy std'],
  async run(context, [name]) {
    const answer = await retention(context).getPolicy({ name }, { signal: context.signal })
    const policy = present(answer.policy)
    return { json: policy, text: (paint) => shown(paint, policy) }
  },
})

const remove = command({
  verb: 'delete',
  object: 'policy',
  summary: 'end a policy: its images are judged by the next specific one, or kept',
  arguments: ['POLICY'],
  flags: { etag: etagFlag },
  examples: ['delete policy std'],
  async run(context, [name], { etag = '' }) {
    const request = { requestId: context.newId(), name, etag }
    await retention(context).deletePolicy(request, { signal: context.signal })
    return { json: { name }, text: () => `${name} is no policy any more.` }
  },
})

export const policyCommands = [put, list, show, remove]

export function retention({ channel }: Context): Remote<RetentionServiceService> {
  return connect(RetentionServiceService, channel)
}

/** `keeps the newest 3 and 12 months, archives after 90 days` */
function inWords(policy: RetentionPolicy): string {
  const { keepNewest, keepMonthly, keepQuarterly, minimumAgeDays, usedDays } = policy
  const { archiveAfterDays, expireAfterDays, capBytes, archiveHeld } = policy
  const kept = [
    keepNewest > 0 ? `the newest ${keepNewest}` : '',
    keepMonthly > 0 ? `one a month for ${counted(keepMonthly, 'month')}` : '',
    keepQuarterly > 0 ? `one a quarter for ${counted(keepQuarterly, 'quarter')}` : '',
    minimumAgeDays > 0 ? `what is younger than ${counted(minimumAgeDays, 'day')}` : '',
    usedDays > 0 ? `what was used within ${counted(usedDays, 'day')}` : '',
  ].filter((part) => part !== '')
  const held = archiveHeld ? ', what is held too' : ''
  const parts = [
    kept.length > 0 ? `keeps ${kept.join(', ')}` : '',
    archiveAfterDays > 0 ? `archives after ${counted(archiveAfterDays, 'day')}${held}` : '',
    expireAfterDays > 0 ? `expires after ${counted(expireAfterDays, 'day')}` : '',
    capBytes > 0n ? `has own images take ${bytes(capBytes)} at most` : '',
  ].filter((part) => part !== '')
  return parts.join('; ') || 'keeps all'
}

function shown(paint: Paint, policy: RetentionPolicy): string {
  const { name, pattern, cron, timeZone, nextTime, brakePercent, notes } = policy
  const schedule =
    cron === ''
      ? 'none: it is applied when somebody does'
      : `${cron} in ${timeZone}; what would free more than ${brakePercent} % waits for a person`
  return facts(paint, [
    ['Policy', paint('bold', name)],
    ['Lines', pattern],
    ['What', inWords(policy)],
    ['Schedule', schedule],
    ...(nextTime === undefined ? [] : [['Next', zoned(nextTime, timeZone)] as const]),
    ...(notes === '' ? [] : [['Notes', plain(notes)] as const]),
    ['Written', `${time(policy.updateTime)} by ${plain(policy.author)}`],
    ['Etag', policy.etag],
  ])
}
