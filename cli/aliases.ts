import { connect, type Remote } from '../lib/rpc/connect.ts'
import { AliasServiceService, type Alias } from '../proto/gen/merge/image/v1/alias.ts'
import { command, type Context, type Paint } from './command.ts'
import { everyItem, exactName, present } from './find.ts'
import { facts, listed } from './table.ts'
import { plain, time } from './units.ts'

const set = command({
  verb: 'set',
  object: 'alias',
  summary: 'point an alias at an image',
  arguments: ['ALIAS', 'IMAGE'],
  flags: {
    reason: { value: 'TEXT', about: 'why, for the history' },
    etag: { value: 'ETAG', about: 'only if the alias still has this etag' },
  },
  examples: [
    'set alias ubuntu2404-std ubuntu-2404.4-std-x86-20260615',
    "set alias course-cs101 fedora --reason 'new term'",
  ],
  async run(context, [alias, reference], { reason = '', etag = '' }) {
    const image = await exactName(context, reference)
    const request = { requestId: context.newId(), alias, image, reason, etag }
    const answer = await aliases(context).setAlias(request, { signal: context.signal })
    const moved = present(answer.alias)
    return { json: moved, text: () => `${moved.name} is now ${moved.image}.` }
  },
})

const list = command({
  verb: 'list',
  object: 'aliases',
  summary: 'list the aliases and the images that they point at',
  arguments: [],
  flags: { namespace: { value: 'NAME', about: 'only those of `portal`, or of this facility' } },
  examples: ['list aliases', 'list alias --namespace lab1'],
  async run(context, _args, { namespace = '' }) {
    const { signal } = context
    const found = await everyItem(
      (page) => aliases(context).listAliases({ ...page, namespace }, { signal }),
      (page) => page.aliases,
    )
    return listed('aliases', found, (alias) => alias, headings, aliasCells)
  },
})

const show = command({
  verb: 'show',
  object: 'alias',
  summary: 'show where an alias points, who moved it, when and why',
  arguments: ['ALIAS'],
  flags: {},
  examples: ['show alias ubuntu2404-std'],
  async run(context, [name]) {
    const answer = await aliases(context).getAlias({ alias: name }, { signal: context.signal })
    const alias = present(answer.alias)
    const text = (paint: Paint): string =>
      facts(paint, [
        ['Alias', paint('bold', alias.name)],
        ['Image', alias.image],
        ['Moved', `${time(alias.updateTime)} by ${plain(alias.actor)}`],
        ['Reason', plain(alias.reason)],
        ['Etag', alias.etag],
      ])
    return { json: alias, text }
  },
})

export const aliasCommands = [set, list, show]

function aliases({ channel }: Context): Remote<AliasServiceService> {
  return connect(AliasServiceService, channel)
}

const headings = ['Alias', 'Image', 'Moved', 'By', 'Reason']

function aliasCells({ name, image, actor, updateTime, reason }: Alias): readonly string[] {
  return [name, image, time(updateTime), plain(actor), plain(reason)]
}
