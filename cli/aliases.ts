import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  AliasServiceService,
  SetAliasRequest,
  type Alias,
} from '../proto/gen/merge/image/v1/alias.ts'
import { command, type Context, type Paint } from './command.ts'
import { everyItem, exactName, present } from './find.ts'
import { facts, listed } from './table.ts'
import { plain, time } from './units.ts'
import { UsageError } from './usage.ts'

/** Options of everything that changes an alias. */
export const changeFlags = {
  reason: { value: 'TEXT', about: 'why, for the history' },
  etag: { value: 'ETAG', about: 'only if the alias still has this etag' },
} as const

/** Of what can be tried first. */
export const planFlags = { 'dry-run': { about: 'say what would be, and change nothing' } } as const

const set = command({
  verb: 'set',
  object: 'alias',
  summary: 'point an alias at an image, or have it follow a line',
  arguments: ['ALIAS', '[IMAGE]'],
  flags: {
    follow: {
      value: 'LINE',
      about: 'instead of an image: always the newest released of this line',
    },
    ...changeFlags,
    ...planFlags,
  },
  about:
    'A line is what is built again and again, `ubuntu-2404-std-x86`; a partial name such as `noble` will do. An alias that\n' +
    'follows one moves with each release, until it is rolled back or pointed at an image.',
  examples: [
    'set alias ubuntu2404-std ubuntu-2404.4-std-x86-20260615',
    "set alias course-cs101 fedora --reason 'new term'",
    'set alias lts --follow ubuntu-2404',
  ],
  async run(context, [alias, reference], { follow = '', 'dry-run': dryRun = false, ...more }) {
    if ((reference === undefined) === (follow === '')) {
      throw new UsageError('say where to: IMAGE, or --follow LINE', 'mrg-image set alias --help')
    }
    const image = reference === undefined ? '' : await exactName(context, reference)
    const where = { requestId: context.newId(), alias, image, follow, validateOnly: dryRun }
    const request = SetAliasRequest.create({ ...where, ...more })
    const answer = await aliases(context).setAlias(request, { signal: context.signal })
    const moved = present(answer.alias)
    return { json: moved, text: () => setText(moved, dryRun) }
  },
})

const list = command({
  verb: 'list',
  object: 'aliases',
  summary: 'list the aliases, where they point and what they follow',
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
  summary: 'show where an alias points, what it follows, who moved it, when and why',
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
        ['Follows', followed(alias, paint)],
        ['Moved', `${time(alias.updateTime)} by ${plain(alias.actor)}`],
        ['Reason', plain(alias.reason)],
        ['Etag', alias.etag],
      ])
    return { json: alias, text }
  },
})

const remove = command({
  verb: 'delete',
  object: 'alias',
  summary: 'take an alias away; its history stays',
  arguments: ['ALIAS'],
  flags: changeFlags,
  examples: ["delete alias course-cs101 --reason 'the term is over'"],
  async run(context, [alias], { reason = '', etag = '' }) {
    const request = { requestId: context.newId(), alias, reason, etag }
    await aliases(context).deleteAlias(request, { signal: context.signal })
    const text = `${alias} is deleted. \`mrg-image history ${alias}\` still shows where it pointed.`
    return { json: { name: alias }, text: () => text }
  },
})

export const aliasCommands = [set, list, show, remove]

export function aliases({ channel }: Context): Remote<AliasServiceService> {
  return connect(AliasServiceService, channel)
}

function setText({ name, image, follows }: Alias, dryRun: boolean): string {
  const will = dryRun ? 'would be' : 'is now'
  if (follows === '') return `${name} ${will} ${image}.`
  return `${name} ${will} ${image}, and ${dryRun ? 'would move' : 'moves'} with each release of ${follows}.`
}

const headings = ['Alias', 'Image', 'Follows', 'Moved', 'By', 'Reason']

function aliasCells(alias: Alias, paint: Paint): readonly string[] {
  const { name, image, actor, updateTime, reason } = alias
  return [name, image, followed(alias, paint), time(updateTime), plain(actor), plain(reason)]
}

function followed({ follows, paused }: Alias, paint: Paint): string {
  return paused ? `${follows}, ${paint('yellow', 'paused')}` : follows || '-'
}
