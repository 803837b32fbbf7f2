import { connect } from '../lib/rpc/connect.ts'
import {
  ResolveRule,
  ResolverServiceService,
  type ParseReferenceResponse,
} from '../proto/gen/merge/image/v1/resolver.ts'
import { command, type Paint } from './command.ts'
import { facts } from './table.ts'
import { plain } from './units.ts'
import { word } from './words.ts'

export const parse = command({
  verb: 'parse',
  summary: 'say how a reference is read, without looking for images',
  arguments: ['REF'],
  flags: {},
  examples: ['parse ubuntu-24044-x64', "parse 'debian-12, build <= 202606'"],
  async run({ channel, signal, note }, [reference]) {
    const resolver = connect(ResolverServiceService, channel)
    const read = await resolver.parseReference({ reference }, { signal })
    for (const { message } of read.warnings) note(`warning: ${plain(message)}`)
    const json = { ...read, rule: word(ResolveRule, read.rule) }
    return { json, text: (paint) => shown(paint, read) }
  },
})

function shown(paint: Paint, read: ParseReferenceResponse): string {
  const { namespace, distro, release, point, role, arch, build, digest, alias, clauses } = read
  const given: readonly (readonly [string, string])[] = [
    ['Namespace', namespace],
    ['Alias', alias],
    ['Distro', distro],
    ['Release', release],
    ['Point', point === undefined ? '' : String(point)],
    ['Role', role],
    ['Architecture', arch],
    ['Build', build],
    ['Digest', digest],
    ['Clauses', clauses.join(', ')],
  ]
  const free = ['Release', 'Point', 'Role', 'Architecture', 'Build'].filter((field) =>
    given.some(([name, value]) => name === field && value === ''),
  )
  const isPartial = read.rule === ResolveRule.RESOLVE_RULE_PARTIAL
  return facts(paint, [
    ['Read as', word(ResolveRule, read.rule)],
    ...given.filter(([, value]) => value !== ''),
    ...(isPartial ? [['Left free', free.join(', ').toLowerCase() || 'nothing'] as const] : []),
  ])
}
