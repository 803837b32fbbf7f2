import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  HoldKind,
  holdKindFromJSON,
  HoldServiceService,
  ReleaseHoldsRequest,
  type Hold,
} from '../proto/gen/merge/image/v1/hold.ts'
import { command, type Answer, type Context } from './command.ts'
import { parseCount } from './count.ts'
import { exactName, present } from './find.ts'
import { parseMoment } from './moment.ts'
import { rowsOf } from './table.ts'
import { counted, time } from './units.ts'
import { UsageError } from './usage.ts'
import { word, wordsOf } from './words.ts'

const mostDays = 3650
const dayMs = 86_400_000

const endFlags = {
  until: { value: 'DATE', about: 'until when, at most ten years ahead' },
  days: { value: 'N', about: 'the same in days from now' },
} as const

const hold = command({
  verb: 'hold',
  object: 'image',
  summary: 'keep images from being removed, until you release them or some day',
  arguments: ['IMAGE...'],
  flags: {
    reason: { value: 'TEXT', about: 'why, for whoever wonders', required: true },
    kind: {
      value: 'KIND',
      about: 'what for, `person` otherwise',
      choices: wordsOf(HoldKind).filter((kind) => kind !== 'lock'),
    },
    link: { value: 'LINK', about: 'where that can be read: a URL, or the id of a materialization' },
    ...endFlags,
  },
  about:
    'What is held is not expired, whatever a policy says; `list holders IMAGE` shows who needs it. A person holds until some\n' +
    'day, an artifact of a publication for ever if nothing else is said. Locks hold their images themselves. To keep an image\n' +
    'from being the newest of its line: `hold back IMAGE`.',
  examples: [
    "hold debian-13 --days 90 --reason 'my thesis'",
    "hold debian-13.1-std-x86-20260615 fedora-43 --kind artifact --reason 'paper' --link https://doi.org/10.1000/1",
  ],
  async run(context, references, { reason, kind = 'person', link = '', ...end }) {
    const help = 'mrg-image hold --help'
    const expireTime = endOf(context, end, help)
    if (kind === 'person' && expireTime === undefined) {
      const text = 'say until when: --days N or --until DATE; --kind artifact holds for ever'
      throw new UsageError(text, help)
    }
    const names = new Set<string>()
    for (const reference of references) names.add(await exactName(context, reference))
    const request = {
      ...{ requestId: context.newId(), images: [...names], reason, link, expireTime },
      kind: holdKindFromJSON(`HOLD_KIND_${kind.toUpperCase()}`),
    }
    const { holds: placed } = await holds(context).createHolds(request, { signal: context.signal })
    return held(placed)
  },
})

const renew = command({
  verb: 'renew',
  object: 'hold',
  summary: 'give a hold another time',
  arguments: ['HOLD'],
  flags: { ...endFlags, forever: { about: 'without an end, where its kind may' } },
  about: 'One that has lapsed or was released stays so: hold the image anew.',
  examples: [
    'renew hold 01KV2ZJX5T8Q4N6R0W3Y7B9C1D --days 90',
    'renew hold 01KV2ZJX5T8Q4N6R0W3Y7B9C1D --forever',
  ],
  async run(context, [id], { forever = false, ...end }) {
    const help = 'mrg-image renew hold --help'
    const expireTime = endOf(context, end, help)
    if ((expireTime === undefined) !== forever) {
      throw new UsageError('say until when: --days N, --until DATE or --forever', help)
    }
    const request = { requestId: context.newId(), hold: id, expireTime }
    const answer = await holds(context).renewHold(request, { signal: context.signal })
    const renewed = present(answer.hold)
    const text = `${renewed.image} is held ${untilText(renewed)}.`
    return { json: holdJson(renewed), text: () => text }
  },
})

const release = command({
  verb: 'release',
  object: 'hold',
  summary: 'end a hold, or all of yours under a link or of a lock',
  arguments: ['[HOLD]'],
  flags: {
    link: { value: 'LINK', about: 'all that were placed under it' },
    lock: { value: 'LOCK', about: 'all that this lock placed; the lock stays, its images may go' },
  },
  about: 'Portal admins release those of everybody. `list holds` shows them.',
  examples: [
    'release hold 01KV2ZJX5T8Q4N6R0W3Y7B9C1D',
    'release hold --link mtz/cs101/exp1',
    'release hold --lock 01KV2ZJX5T8Q4N6R0W3Y7B9C1D',
  ],
  async run(context, [id], { link, lock }) {
    const given = Object.entries({ hold: id, link, lock }).flatMap(([$case, value]) =>
      value === undefined ? [] : [{ $case, value } as NonNullable<ReleaseHoldsRequest['which']>],
    )
    const [which] = given
    if (which === undefined || given.length > 1) {
      const text = 'say which: HOLD, --link LINK or --lock LOCK'
      throw new UsageError(text, 'mrg-image release hold --help')
    }
    const count = await releaseHolds(context, which)
    return { json: { releasedCount: count }, text: () => releasedText(count) }
  },
})

export const holdCommands = [hold, renew, release]

export function holds({ channel }: Context): Remote<HoldServiceService> {
  return connect(HoldServiceService, channel)
}

const mostAtOnce = 10_000

/** Ends holds, however many there are; answers how many. */
export async function releaseHolds(
  context: Context,
  which: NonNullable<ReleaseHoldsRequest['which']>,
): Promise<number> {
  let count = 0
  for (;;) {
    const request = { requestId: context.newId(), which }
    const answer = await holds(context).releaseHolds(request, { signal: context.signal })
    count += answer.releasedCount
    if (answer.releasedCount < mostAtOnce) return count
  }
}

export function releasedText(count: number): string {
  if (count === 0) return 'None of them was active: nothing is released.'
  return `${counted(count, 'hold')} ${count === 1 ? 'is' : 'are'} released.`
}

export function holdJson(one: Hold) {
  return { ...one, kind: word(HoldKind, one.kind) }
}

/** `until 2026-09-13 12:00:00 UTC`, or what ended it. */
export function untilText({ active, expireTime, releaseTime }: Hold): string {
  if (releaseTime !== undefined) return `released ${time(releaseTime)}`
  if (!active) return `lapsed ${time(expireTime)}`
  return expireTime === undefined ? 'for ever' : `until ${time(expireTime)}`
}

function held(placed: readonly Hold[]): Answer {
  return {
    json: placed.map(holdJson),
    text: (paint) =>
      rowsOf(paint, 'holds', ['Hold', 'Image', 'Held'], placed, (one) => [
        one.id,
        one.image,
        untilText(one),
      ]),
  }
}

function endOf(
  { today }: Context,
  { until, days }: { readonly until?: string; readonly days?: string },
  help: string,
): Date | undefined {
  if (until !== undefined && days !== undefined) {
    throw new UsageError('--until and --days say the same: leave one out', help)
  }
  if (until !== undefined) return parseMoment('--until', until, help)
  if (days === undefined) return undefined
  return new Date(today().getTime() + parseCount('--days', days, mostDays, help) * dayMs)
}
