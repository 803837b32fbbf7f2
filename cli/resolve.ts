import { connect } from '../lib/rpc/connect.ts'
import {
  ResolveRule,
  ResolverServiceService,
  type ResolveImageResponse,
} from '../proto/gen/merge/image/v1/resolver.ts'
import { command, type Paint } from './command.ts'
import { present } from './find.ts'
import { imageJson } from './json.ts'
import { facts, rowsOf } from './table.ts'
import { plain } from './units.ts'
import { word } from './words.ts'

export const resolve = command({
  verb: 'resolve',
  object: 'image',
  summary: 'say which exact image a reference means now, and why',
  arguments: ['REF'],
  flags: {
    arch: { value: 'ARCH', about: 'the architecture, where the reference names none' },
    explain: { about: 'say why the other candidates are not it' },
  },
  about:
    'A reference is an exact name, an alias, a partial name such as `ubuntu-2404` or `trixie`,\n' +
    "or a constraint such as 'ubuntu, release >= 2204, arch = aarch64'.",
  examples: [
    'resolve fedora',
    'resolve ubuntu-2404 --arch aarch64 --explain',
    "resolve 'debian, build <= 202606'",
  ],
  async run({ channel, signal, note }, [reference], { arch = '', explain = false }) {
    const resolver = connect(ResolverServiceService, channel)
    const answer = await resolver.resolveImage({ reference, arch, explain }, { signal })
    for (const { message } of answer.warnings) note(`warning: ${plain(message)}`)
    const image = present(answer.image)
    const json = { ...answer, image: imageJson(image), rule: word(ResolveRule, answer.rule) }
    return { json, text: (paint) => explained(paint, answer, explain) }
  },
})

function explained(paint: Paint, answer: ResolveImageResponse, explain: boolean): string {
  const { name, displayName, digest } = present(answer.image)
  const filled = answer.defaults.map(({ field, value, origin }) => `${field} ${value} (${origin})`)
  const about = facts(paint, [
    ['System', plain(displayName)],
    ['Digest', digest],
    ['Read as', word(ResolveRule, answer.rule)],
    ['Filled in', filled.length > 0 ? filled.join(', ') : 'nothing'],
    ['Catalogue', `generation ${answer.generation}`],
  ])
  const rejected = rowsOf(
    paint,
    'other candidates',
    ['Not this one', 'Why'],
    answer.rejected,
    (other) => [other.name, plain(other.why)],
  )
  return `${paint('bold', name)}\n\n${about}${explain ? `\n\n${rejected}` : ''}`
}
