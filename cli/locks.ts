import { resolve } from 'node:path'
import {
  PinState,
  type LockedNode,
  type UpgradedNode,
  type VerifiedNode,
} from '../proto/gen/merge/image/v1/resolver.ts'
import { command, type Answer, type Context, type Paint } from './command.ts'
import { keep, makeLock, resolver, stillHeld } from './lock.ts'
import { releasedText, releaseHolds } from './holds.ts'
import { lockName, readLockFile, type LockFile } from './lockfile.ts'
import { openPlace } from './lockplace.ts'
import { coloured, rowsOf } from './table.ts'
import { counted, plain } from './units.ts'
import { word } from './words.ts'

const verify = command({
  verb: 'verify',
  object: 'lock',
  summary: 'say whether the images of a lock file can still be used as they were',
  arguments: ['[FILE]'],
  flags: {},
  about:
    `FILE is ${lockName} of this directory if it is left out. Ends with an error if an image cannot be used: it is revoked,\n` +
    'archived, expired, not there, or not what it was.',
  examples: ['verify lock', 'verify lock experiments/cs101/images.lock', 'verify lock --json'],
  async run(context, [file = lockName]) {
    const path = resolve(context.folder, file)
    const { nodes } = await readLockFile(path)
    const answer = await resolver(context).verifyLock({ nodes }, { signal: context.signal })
    const bad = answer.nodes.filter(({ state }) => !usable.has(state)).length
    const json = answer.nodes.map((one) => ({ ...one, state: word(PinState, one.state) }))
    return {
      json: { file: path, usable: answer.usable, nodes: json },
      text: (paint) =>
        `${verdicts(paint, answer.nodes)}\n\n${verdict(path, answer.nodes.length, bad)}`,
      ...(answer.usable ? {} : { exit: 1 }),
    }
  },
})

const upgrade = command({
  verb: 'upgrade',
  object: 'lock',
  summary: 'say what a lock file would pin if it were made now, or make it so',
  arguments: ['[FILE]'],
  flags: {
    write: { about: 'make a new lock of the same references, and put it in place of the file' },
    'release-old': { about: 'then let go of the images that the old lock holds' },
    facility: { value: 'NAME', about: 'the facility that the experiment runs at' },
    reason: { value: 'TEXT', about: 'why, for the new lock' },
    link: { value: 'URL', about: 'where that can be read' },
  },
  about:
    `FILE is ${lockName} of this directory if it is left out. Without --write nothing changes. The old lock goes on to hold its\n` +
    'images until it is told to let go of them: --release-old, or `release hold --lock LOCK` later. A node whose reference is an\n' +
    'exact name stays as it is. Ends with an error if a reference means no image any more.',
  examples: [
    'upgrade lock',
    'upgrade lock experiments/cs101/images.lock --write',
    'upgrade lock --write --release-old',
  ],
  async run(
    context,
    [file = lockName],
    { write = false, 'release-old': release = false, ...about },
  ) {
    const path = resolve(context.folder, file)
    const lock = await readLockFile(path)
    const { facility = '' } = about
    const request = { nodes: lock.nodes, facility }
    const { nodes } = await resolver(context).upgradeLock(request, { signal: context.signal })
    const failed = nodes.filter(({ failure }) => failure !== undefined).length
    const changed = nodes.filter((node) => node.changed).length
    if (!write || failed > 0 || changed === 0) return proposed(path, nodes, write)
    return rewritten(context, path, lock, { facility, release, ...about })
  },
})

export const lockFileCommands = [verify, upgrade]

const usable: ReadonlySet<PinState> = new Set([
  PinState.PIN_STATE_GOOD,
  PinState.PIN_STATE_DEPRECATED,
])

function verdicts(paint: Paint, nodes: readonly VerifiedNode[]): string {
  return rowsOf(paint, 'nodes', ['Node', 'Image', 'State', 'What to do'], nodes, (one) => {
    const state = word(PinState, one.state).replaceAll('_', ' ')
    const good = one.state === PinState.PIN_STATE_GOOD
    const { node = '', image = '' } = one.node ?? {}
    return [plain(node), plain(image), coloured(paint, state), good ? '-' : plain(one.message)]
  })
}

function verdict(file: string, count: number, bad: number): string {
  if (bad === 0)
    return `${file} can be used: all images of its ${counted(count, 'node')} are there.`
  return `${file} cannot be used as it is: ${bad} of ${counted(count, 'node')} would not get their images.`
}

function proposed(file: string, nodes: readonly UpgradedNode[], write: boolean): Answer {
  const failed = nodes.filter(({ failure }) => failure !== undefined).length
  const changed = nodes.filter((node) => node.changed).length
  return {
    json: { file, written: false, nodes },
    text: (paint) =>
      `${moves(paint, nodes.map(toMove))}\n\n${outlook(file, changed, failed, write)}`,
    ...(failed === 0 ? {} : { exit: 1 }),
  }
}

function outlook(file: string, changed: number, failed: number, write: boolean): string {
  if (failed > 0) {
    const who = failed === 1 ? '1 node has' : `${failed} nodes have`
    const advice = 'write another reference in the model, then `mrg-image lock MODEL --force`'
    return `${file} stays as it is, for ${who} no image now: ${advice}.`
  }
  if (changed === 0) return `${file} pins the newest already, and stays as it is.`
  const what = `${counted(changed, 'node')} would get another image`
  return write ? what : `${what}; \`mrg-image upgrade lock --write\` makes it so.`
}

interface Options {
  readonly facility: string
  readonly release: boolean
  readonly reason?: string
  readonly link?: string
}

/** Makes a new lock of the same references. What the portal pinned is what counts, not what it proposed a moment before. */
async function rewritten(
  context: Context,
  file: string,
  lock: LockFile,
  { facility, release, reason = `upgrade of ${lock.id}`, link = '' }: Options,
): Promise<Answer> {
  await using place = await openPlace(file, context.newId(), true)
  const nodes = lock.nodes.map(({ node, reference, arch }) => ({ node, reference, arch }))
  const request = { requestId: context.newId(), nodes, facility, reason, link }
  const { lock: made, warnings } = await makeLock(context, request)
  await keep(context, place, made)
  const released = release ? await letGo(context, lock.id) : 0
  const before = new Map(lock.nodes.map((node) => [node.node, node]))
  const moved = made.nodes.map((after) => toMove(changeTo(after, before.get(after.node))))
  return {
    json: { file, written: true, lock: made, warnings, releasedCount: released },
    text: (paint) =>
      `${moves(paint, moved)}\n\n${file} is the lock ${made.id} now. ${release ? releasedText(released) : stillHeld(lock.id)}`,
  }
}

/** Releases what the old lock holds; where that fails, it is told how to do it later. */
async function letGo(context: Context, lock: string): Promise<number> {
  try {
    return await releaseHolds(context, { $case: 'lock', value: lock })
  } catch (error) {
    context.note(stillHeld(lock))
    throw error
  }
}

function changeTo({ image, digest }: LockedNode, node: LockedNode | undefined) {
  return {
    node,
    image,
    changed: image !== node?.image || digest !== node.digest,
    failure: undefined,
  }
}

interface Move {
  readonly node: string
  readonly from: string
  readonly to: (paint: Paint) => string
}

function toMove({ node, image, changed, failure }: Omit<UpgradedNode, 'digest'>): Move {
  const to = (paint: Paint): string => {
    if (failure !== undefined) return paint('red', plain(failure.message))
    return changed ? paint('green', image) : paint('dim', 'the same')
  }
  return { node: node?.node ?? '', from: node?.image ?? '', to }
}

function moves(paint: Paint, rows: readonly Move[]): string {
  return rowsOf(paint, 'nodes', ['Node', 'Pinned', 'Now'], rows, ({ node, from, to }) => [
    plain(node),
    plain(from),
    to(paint),
  ])
}
