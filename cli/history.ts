import {
  AliasMoveKind,
  RollbackAliasRequest,
  type Alias,
  type AliasMove,
} from '../proto/gen/merge/image/v1/alias.ts'
import { aliases, changeFlags, planFlags } from './aliases.ts'
import { readImageName } from '../lib/names/name.ts'
import { command } from './command.ts'
import { everyItem, present } from './find.ts'
import { changesOf } from './restore.ts'
import { listed } from './table.ts'
import { plain, time } from './units.ts'
import { UsageError } from './usage.ts'
import { word } from './words.ts'

const history = command({
  verb: 'history',
  summary: 'list the moves of an alias, newest first, also of a deleted one',
  arguments: ['ALIAS'],
  flags: {},
  about:
    'With the exact name of an image, which no alias looks like, it lists how that came to stand as it does; `history image`\n' +
    'takes any reference.',
  examples: ['history ubuntu2404-std', 'history lts --json'],
  async run(context, [alias]) {
    if (readImageName(alias) !== undefined) return changesOf(context, alias)
    const { signal } = context
    const moves = await everyItem(
      (page) => aliases(context).listAliasHistory({ ...page, alias }, { signal }),
      (page) => page.moves,
    )
    return listed('moves', moves, moveJson, headings, moveCells)
  },
})

const rollback = command({
  verb: 'rollback',
  object: 'alias',
  summary: 'point an alias back at the image before, or at that of an earlier move',
  arguments: ['ALIAS'],
  flags: {
    to: { value: 'VERSION', about: 'the move whose image it should point at, of its history' },
    ...changeFlags,
    ...planFlags,
  },
  about: 'An alias that follows a line stays where it was rolled back to, until it is resumed.',
  examples: [
    "rollback alias ubuntu2404-std --reason 'it does not boot'",
    'rollback alias lts --to 3 --dry-run',
  ],
  async run(context, [alias], { to = '0', 'dry-run': dryRun = false, ...more }) {
    if (!/^[0-9]{1,9}$/.test(to)) {
      throw new UsageError(`\`${to}\` is no version`, 'mrg-image rollback alias --help')
    }
    const back = { requestId: context.newId(), alias, toVersion: BigInt(to), validateOnly: dryRun }
    const request = RollbackAliasRequest.create({ ...back, ...more })
    const answer = await aliases(context).rollbackAlias(request, { signal: context.signal })
    const rolled = present(answer.alias)
    return { json: rolled, text: () => rolledText(rolled, dryRun) }
  },
})

const resume = command({
  verb: 'resume',
  object: 'alias',
  summary: 'let an alias follow its line again after a rollback',
  arguments: ['ALIAS'],
  flags: changeFlags,
  examples: ["resume alias lts --reason 'the new image boots again'"],
  async run(context, [alias], { reason = '', etag = '' }) {
    const request = { requestId: context.newId(), alias, reason, etag }
    const answer = await aliases(context).resumeAlias(request, { signal: context.signal })
    const resumed = present(answer.alias)
    const { name, image, follows } = resumed
    return { json: resumed, text: () => `${name} follows ${follows} again, and is now ${image}.` }
  },
})

/** Where aliases pointed, and back there. */
export const historyCommands = [history, rollback, resume]

const headings = ['>Version', 'When', 'Who', 'How', 'Image', 'Why']

function moveJson(move: AliasMove) {
  return { ...move, kind: word(AliasMoveKind, move.kind) }
}

function moveCells(move: AliasMove): readonly string[] {
  const { version, kind, image, actor, reason } = move
  const how = word(AliasMoveKind, kind)
  return [String(version), time(move.time), plain(actor), how, image || '-', plain(reason)]
}

function rolledText({ name, image, follows, paused }: Alias, dryRun: boolean): string {
  if (dryRun) return `${name} would be ${image} again${paused ? `, and paused` : ''}.`
  const back = `${name} is ${image} again.`
  if (!paused) return back
  return `${back} It is paused: it follows ${follows} no more, until \`mrg-image resume alias ${name}\`.`
}
