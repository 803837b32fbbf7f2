import { connect } from '../lib/rpc/connect.ts'
import {
  AuditServiceService,
  EventFilter,
  EventOutcome,
  type Event,
  type VerifyEventsResponse,
} from '../proto/gen/merge/image/v1/audit.ts'
import { command, type Context, type Flags, type Paint } from './command.ts'
import { parseCount } from './count.ts'
import { parseMoment } from './moment.ts'
import { coloured, listed } from './table.ts'
import { counted, plain, time } from './units.ts'
import { UsageError } from './usage.ts'
import { word } from './words.ts'

const resourceKinds = [
  'image',
  'alias',
  'recipe',
  'build',
  'hold',
  'policy',
  'certificate',
] as const

const filterFlags = {
  facility: {
    value: 'FACILITY',
    about: "only what concerns this facility; its manager sees no other's",
  },
  actor: { value: 'WHO', about: 'only what this caller did: producer:alice, system' },
  method: { value: 'METHOD', about: 'only this: SetAlias, ReleaseImage, expire-image' },
  image: { value: 'IMAGE', about: 'only what is about this image, by its exact name' },
  alias: { value: 'ALIAS', about: 'only what is about this alias' },
  recipe: { value: 'RECIPE', about: 'only what is about this recipe' },
  build: { value: 'BUILD', about: 'only what is about this build' },
  hold: { value: 'HOLD', about: 'only what is about this hold' },
  policy: { value: 'POLICY', about: 'only what is about this policy' },
  certificate: {
    value: 'SERIAL',
    about: 'only what is about the certificate with this number: who got it, and who revoked it',
  },
  since: { value: 'TIME', about: 'only from this time on' },
  until: { value: 'TIME', about: 'only before this time' },
  denied: { about: 'only what was denied' },
} as const satisfies Flags

const usual = '100'
const mostEvents = 999_999_999

const list = command({
  verb: 'list',
  object: 'events',
  summary: 'list what was changed and what was denied, by whom, newest first',
  arguments: [],
  flags: {
    ...filterFlags,
    last: { value: 'COUNT', about: `at most so many; ${usual} if not given` },
  },
  examples: [
    'list events --image ubuntu-2404.4-std-x86-20260615',
    'list events --actor producer:alice --since 2026-06-15',
    'list events --denied --last 1000 --json',
  ],
  async run(context, _args, { last = usual, ...more }) {
    const help = 'mrg-image list events --help'
    const events = await newest(
      context,
      parseFilter(more, help),
      parseCount('--last', last, mostEvents, help),
    )
    return listed('events', events, eventJson, headings, eventCells)
  },
})

const watch = command({
  verb: 'watch',
  object: 'events',
  summary: 'print what is changed and denied, as it comes',
  arguments: [],
  flags: {
    ...filterFlags,
    after: {
      value: 'NUMBER',
      about: 'from after this event on, 0 for the first; new ones if not given',
    },
    count: {
      value: 'COUNT',
      about: 'end after so many; it goes on until it is interrupted if not given',
    },
  },
  about: 'For scripts: with --json, the events are one document once --count of them have come.',
  examples: [
    'watch events',
    'watch events --facility lab1 --after 1200',
    'watch events --denied --count 1 --json',
  ],
  async run(context, _args, { after, count, ...more }) {
    const help = 'mrg-image watch events --help'
    const most = count === undefined ? Infinity : parseCount('--count', count, mostEvents, help)
    const filter = parseFilter(more, help)
    const from = after === undefined ? undefined : parseAfter(after, help)
    const seen: Event[] = []
    for await (const event of eachNew(context, filter, from)) {
      context.print(eventLine(event))
      if (most < Infinity) seen.push(event)
      if (seen.length >= most) break
    }
    return { json: seen.map(eventJson), text: () => '' }
  },
})

const verify = command({
  verb: 'verify',
  object: 'events',
  summary: 'check that the log of events is whole and as it was written',
  arguments: [],
  flags: {
    after: { value: 'NUMBER', about: 'from after this event on; from the first if not given' },
    hash: { value: 'HASH', about: 'the hash of that event, as it was noted' },
  },
  about: `Note the number and the hash that it prints somewhere else, and give them the next time: who can write to the database
can write the whole log anew, and only that shows it. docs/audit.md says how to check events without this tool. Ends with 1 if
the log is not whole.`,
  examples: ['verify events', 'verify events --after 1200 --hash 9f86d081884c7d65…'],
  async run({ channel, signal }, _args, { after = '0', hash = '' }) {
    const afterSequence = parseAfter(after, 'mrg-image verify events --help')
    const audit = connect(AuditServiceService, channel)
    const verdict = await audit.verifyEvents({ afterSequence, hash }, { signal })
    return {
      json: verdict,
      text: (paint) => verdictText(paint, verdict),
      ...(verdict.whole ? {} : { exit: 1 }),
    }
  },
})

export const eventCommands = [list, watch, verify]

type Given = Readonly<Partial<Record<Exclude<keyof typeof filterFlags, 'denied'>, string>>> & {
  readonly denied?: boolean
}

function parseFilter(given: Given, help: string): EventFilter {
  const { facility = '', actor = '', method = '', since, until, denied = false } = given
  const named = resourceKinds.flatMap((kind) => {
    const name = given[kind]
    return name === undefined ? [] : [{ kind, name }]
  })
  if (named.length > 1) throw new UsageError('name one thing that events are about', help)
  return {
    ...{ facility, actor, method, resource: named[0] },
    outcome: denied ? EventOutcome.EVENT_OUTCOME_DENIED : EventOutcome.EVENT_OUTCOME_UNSPECIFIED,
    since: since === undefined ? undefined : parseMoment('--since', since, help),
    until: until === undefined ? undefined : parseMoment('--until', until, help),
  }
}

/** Reads which event: they count from 1, and 0 is before them all. */
function parseAfter(text: string, help: string): bigint {
  if (/^\d{1,15}$/.test(text)) return BigInt(text)
  throw new UsageError(`--after "${text}" is no number of an event`, help)
}

async function newest(
  context: Context,
  filter: EventFilter,
  most: number,
): Promise<readonly Event[]> {
  const audit = connect(AuditServiceService, context.channel)
  const found: Event[] = []
  let pageToken = ''
  do {
    const pageSize = Math.min(100, most - found.length)
    const page = await audit.listEvents({ filter, pageSize, pageToken }, { signal: context.signal })
    found.push(...page.events)
    pageToken = page.nextPageToken
  } while (pageToken !== '' && found.length < most)
  return found
}

async function* eachNew(
  context: Context,
  filter: EventFilter,
  from: bigint | undefined,
): AsyncGenerator<Event> {
  const audit = connect(AuditServiceService, context.channel)
  const afterSequence = from ?? (await newest(context, filter, 1))[0]?.sequence ?? 0n
  const request = { filter, afterSequence }
  for await (const { events } of audit.watchEvents(request, { signal: context.signal }))
    yield* events
}

/** Exactly what is hashed, and the hash (docs/audit.md). */
function eventJson(event: Event) {
  return { ...event, outcome: word(EventOutcome, event.outcome) }
}

const headings = ['>Number', 'When', 'Who', 'What', 'Of', 'Outcome', 'Why']

function eventCells(event: Event, paint: Paint): readonly string[] {
  const { sequence, outcome, reason, suppressed } = event
  const more = suppressed === 0 ? '' : ` (and ${suppressed} more like it)`
  return [
    String(sequence),
    time(event.time),
    whoOf(event),
    whatOf(event),
    resourcesOf(event),
    coloured(paint, word(EventOutcome, outcome)),
    `${plain(reason)}${more}`,
  ]
}

function eventLine(event: Event): string {
  const [sequence, when, who, what, of, outcome, why] = eventCells(event, (_, text) => text)
  return `${sequence}  ${when}  ${who}  ${what}  ${of}  ${outcome}  ${why}`
}

function whoOf({ actor, peer }: Event): string {
  return plain(actor === '' ? `somebody at ${peer}` : actor)
}

function whatOf({ method }: Event): string {
  return plain(method.slice(method.lastIndexOf('/') + 1))
}

/** What is not only where the rest belongs. */
function resourcesOf({ resources }: Event): string {
  const things = resources.filter(({ kind }) => kind !== 'facility')
  const [first, ...rest] = things.length === 0 ? resources : things
  if (first === undefined) return '-'
  const shown = plain(`${first.kind} ${first.name}`)
  return rest.length === 0 ? shown : `${shown} and ${rest.length} more`
}

function verdictText(paint: Paint, verdict: VerifyEventsResponse): string {
  const { whole, firstSequence: first, lastSequence: last, lastHash, message } = verdict
  if (!whole) return `${paint('red', 'The log is not whole.')} ${message}`
  if (first === 0n) return 'There are no events after it.'
  const count = counted(last - first + 1n, 'event')
  return `${paint('green', 'The log is whole')}: ${count}, ${first} to ${last}. The hash of the last is\n${lastHash}`
}
