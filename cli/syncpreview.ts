import type { PreviewSyncRequest, PreviewSyncResponse } from '../proto/gen/merge/image/v1/rule.ts'
import { command, type Context, type Paint } from './command.ts'
import { exactName } from './find.ts'
import { ruleOf, termsFlags, whatFlags } from './ruleflags.ts'
import { ruleJson, rules } from './rules.ts'
import { termsWords } from './rulewords.ts'
import { parseSize } from './size.ts'
import { table } from './table.ts'
import { bytes, duration, plain } from './units.ts'

const rateFlag = { value: 'SIZE', about: 'bytes a second, to say how long it takes: 50M' } as const

export const previewRule = command({
  verb: 'preview',
  object: 'rule',
  isSpelled: true,
  summary: 'show what a rule would have a facility fetch, and fetch nothing',
  arguments: ['FACILITY', '[RULE]'],
  flags: { ...whatFlags, ...termsFlags, 'time-zone': { value: 'ZONE', about: 'of --windows' } },
  about:
    'RULE is one that is kept; without it the options say what a rule would be. With --rate, or that of RULE, it says how long it takes.',
  examples: [
    'preview rule lab1 std',
    'preview rule lab1 --lines debian-*-*-* --newest 3 --rate 50M',
  ],
  async run(context, [facility, name], flags) {
    const rule = name === undefined ? ruleOf(facility, '', flags) : undefined
    return previewed(context, { facility, name: name ?? '', rule, images: [] }, flags.rate)
  },
})

const previewPush = command({
  verb: 'preview',
  object: 'push',
  isSpelled: true,
  summary: 'show what pushing images to a facility would move, and move nothing',
  arguments: ['FACILITY', 'IMAGE...'],
  flags: { rate: rateFlag },
  examples: ['preview push lab1 debian ubuntu --rate 100M'],
  async run(context, [facility, ...references], { rate }) {
    const images: string[] = []
    for (const reference of references) images.push(await exactName(context, reference))
    return previewed(context, { facility, name: '', rule: undefined, images }, rate)
  },
})

export const syncPreviews = [previewRule, previewPush]

async function previewed(context: Context, request: PreviewSyncRequest, rate: string | undefined) {
  const asked =
    rate === undefined ? undefined : parseSize('--rate', rate, 'mrg-image preview rule --help')
  const answer = await rules(context).previewSync(request, { signal: context.signal })
  const bytesPerSecond = asked ?? Number(answer.rule?.rate ?? 0)
  const seconds =
    bytesPerSecond === 0
      ? undefined
      : Number(answer.peerBytes + answer.portalBytes) / bytesPerSecond
  const rule = answer.rule && ruleJson(answer.rule)
  return {
    json: { ...answer, rule, ...(seconds === undefined ? {} : { seconds }) },
    text: (paint: Paint) => previewText(paint, request.facility, answer, seconds),
  }
}

function previewText(
  paint: Paint,
  facility: string,
  answer: PreviewSyncResponse,
  seconds: number | undefined,
): string {
  const { images, imageCount, peerBytes, portalBytes, storedBytes, storedAfterBytes, leaving } =
    answer
  const left = leaving.length > 0 ? [`Wanted no more: ${leaving.join(', ')}.`] : []
  if (imageCount === 0) {
    return [`Nothing is selected: ${facility} would fetch nothing.`, ...left].join('\n')
  }
  const rows = images.map(({ image, reason, present: isHere, fetchBytes, atPeers }) => [
    ...[image, isHere ? 'there' : bytes(fetchBytes), isHere ? '-' : atPeers ? 'peers' : 'portal'],
    plain(reason),
  ])
  const terms = answer.rule === undefined ? '-' : termsWords(answer.rule)
  const more = imageCount > images.length ? [`… and ${imageCount - images.length} more.`] : []
  const lasts = seconds === undefined ? '' : `, ${duration(seconds * 1000)} at that rate`
  return [
    table(paint, ['Image', 'To fetch', 'From', 'Why'], rows),
    ...more,
    '',
    `${facility} would fetch ${bytes(peerBytes)} from peers and ${bytes(portalBytes)} from the portal at most${lasts}.`,
    ...(terms === '-' ? [] : [`By this rule alone they are fetched so: ${terms}.`]),
    `Its store would grow from ${bytes(storedBytes)} to ${bytes(storedAfterBytes)}.`,
    ...left,
  ].join('\n')
}
