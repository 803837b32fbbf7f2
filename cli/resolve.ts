import { connect } from '../lib/rpc/connect.ts'
import {
  Availability,
  ResolveRule,
  ResolverServiceService,
  type ResolveImageResponse,
} from '../proto/gen/merge/image/v1/resolver.ts'
import { command, type Paint } from './command.ts'
import { present } from './find.ts'
import { imageJson } from './json.ts'
import { parseMoment } from './moment.ts'
import { renderRejected } from './rejected.ts'
import { facts } from './table.ts'
import { plain, time } from './units.ts'
import { UsageError } from './usage.ts'
import { word } from './words.ts'

export const resolve = command({
  verb: 'resolve',
  object: 'image',
  summary: 'say which exact image a reference means now, and why',
  arguments: ['REF'],
  flags: {
    arch: { value: 'ARCH', about: 'the architecture, where the reference names none' },
    facility: { value: 'FACILITY', about: 'the facility it is for, and its architecture' },
    'prefer-present': { about: 'what the facility holds already, if anything there fits' },
    'present-only': { about: 'only what the facility holds already' },
    'as-of': { value: 'TIME', about: 'what it meant then, as in 2026-06-15T12:00 (UTC)' },
    explain: { about: 'say why the other candidates are not it' },
  },
  about:
    'A reference is an exact name, an alias, a partial name such as `ubuntu-2404` or `trixie`,\n' +
    "or a constraint such as 'ubuntu, release >= 2204, arch = aarch64'.",
  examples: [
    'resolve fedora',
    'resolve ubuntu-2404 --arch aarch64 --explain',
    "resolve 'debian, build <= 202606'",
    'resolve course-cs101 --as-of 2026-06-15',
    'resolve fedora --facility lab1 --prefer-present',
  ],
  async run({ channel, signal, note }, [reference], flags) {
    const { arch = '', facility = '', explain = false } = flags
    const then = flags['as-of']
    const request = {
      ...{ reference, arch, facility, explain },
      availability: availabilityOf(flags),
      asOf: then === undefined ? undefined : parseMoment('--as-of', then, help),
    }
    const resolver = connect(ResolverServiceService, channel)
    const answer = await resolver.resolveImage(request, { signal })
    for (const { message } of answer.warnings) note(`warning: ${plain(message)}`)
    const image = present(answer.image)
    const json = { ...answer, image: imageJson(image), rule: word(ResolveRule, answer.rule) }
    return { json, text: (paint) => shown(paint, answer, request) }
  },
})

const help = 'mrg-image resolve --help'

interface Asked {
  readonly facility: string
  readonly explain: boolean
  readonly asOf: Date | undefined
}

function availabilityOf(flags: {
  readonly facility?: string
  readonly 'prefer-present'?: boolean
  readonly 'present-only'?: boolean
}): Availability {
  const { facility, 'prefer-present': prefer = false, 'present-only': only = false } = flags
  if (!prefer && !only) return Availability.AVAILABILITY_UNSPECIFIED
  const [flag, other] = only ? ['--present-only', prefer] : ['--prefer-present', false]
  if (other) throw new UsageError('--prefer-present and --present-only exclude each other', help)
  if (facility === undefined) throw new UsageError(`${flag} needs --facility FACILITY`, help)
  return only ? Availability.AVAILABILITY_PRESENT_ONLY : Availability.AVAILABILITY_PREFER_PRESENT
}

function shown(paint: Paint, answer: ResolveImageResponse, asked: Asked): string {
  const { name, displayName, digest } = present(answer.image)
  const { facility, explain, asOf } = asked
  const filled = answer.defaults.map(({ field, value, origin }) => `${field} ${value} (${origin})`)
  const about = facts(paint, [
    ['System', plain(displayName)],
    ['Digest', digest],
    ['Read as', word(ResolveRule, answer.rule)],
    ['Filled in', filled.length > 0 ? filled.join(', ') : 'nothing'],
    ...(facility === ''
      ? []
      : [[`At ${facility}`, answer.present ? 'there, whole' : 'not there'] as const]),
    ...(asOf === undefined ? [] : [['As of', time(asOf)] as const]),
    ['Catalogue', `generation ${answer.generation}`],
  ])
  const why = explain ? `\n\n${renderRejected(paint, answer)}` : ''
  return `${paint('bold', name)}\n\n${about}${why}`
}
