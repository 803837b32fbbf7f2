import { dirname, join, resolve } from 'node:path'
import { Failure } from '../lib/failure.ts'
import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  ResolverServiceService,
  type CreateLockRequest,
  type Lock,
  type LockedNode,
  type LockWarning,
} from '../proto/gen/merge/image/v1/resolver.ts'
import { command, type Answer, type Context, type Paint } from './command.ts'
import { readText } from './document.ts'
import { present } from './find.ts'
import { lockName, readLockFile, renderLockFile, type LockFile } from './lockfile.ts'
import { openPlace } from './lockplace.ts'
import { parseModel } from './model.ts'
import { facts, rowsOf } from './table.ts'
import { counted, plain, time } from './units.ts'

const lock = command({
  verb: 'lock',
  summary: 'pin the images of an experiment, and keep the pins in a file',
  arguments: ['MODEL'],
  flags: {
    output: {
      value: 'FILE',
      about: `where to, instead of ${lockName} beside the model; - prints it`,
    },
    force: { about: 'replace a lock file that is there' },
    facility: { value: 'NAME', about: 'the facility that the experiment runs at' },
    reason: { value: 'TEXT', about: 'what the experiment is' },
    link: { value: 'URL', about: 'where that can be read' },
  },
  about:
    'MODEL is a JSON file: {"nodes": {"a": "ubuntu-2404", "b": {"image": "debian-13", "arch": "aarch64"}}}.\n' +
    'Each reference becomes one exact image, all at one moment, and the portal holds these images: none is removed while\n' +
    `the lock holds it. Keep ${lockName} with the model; what it pins moves with \`upgrade lock\` only.`,
  examples: [
    'lock model.json',
    "lock model.json --facility lab1 --reason 'CS 101, term 2'",
    'lock model.json --output -',
  ],
  async run(context, [model], { output, force = false, facility = '', reason = '', link = '' }) {
    const path = resolve(context.folder, model)
    const nodes = [...parseModel(path, await readText(path))]
    const request = { requestId: context.newId(), nodes, facility, reason, link }
    if (output === '-') return printed((await makeLock(context, request)).lock)
    const target =
      output === undefined ? join(dirname(path), lockName) : resolve(context.folder, output)
    await using place = await openPlace(target, context.newId(), force)
    const former = force ? await readFormer(place.file) : undefined
    const { lock: made, warnings } = await makeLock(context, request)
    await keep(context, place, made)
    const before = new Map(former?.nodes.map(({ node, image }) => [node, image]))
    const moved = made.nodes.filter(({ node, image }) => (before.get(node) ?? image) !== image)
    if (former !== undefined) context.note(stillHeld(former.id))
    const news = moved.length === 0 ? '' : `; ${moved.length} of them had another image before`
    return {
      json: { file: place.file, lock: made, warnings },
      text: (paint) =>
        `${place.file} pins ${counted(nodes.length, 'node')}${news}.\n\n${pinTable(paint, made.nodes)}`,
    }
  },
})

const show = command({
  verb: 'show',
  object: 'lock',
  summary: 'show a lock that the portal keeps, or write its file again',
  arguments: ['LOCK'],
  flags: {
    output: { value: 'FILE', about: 'write the lock file there; - prints it' },
    force: { about: 'replace a lock file that is there' },
  },
  examples: [
    'show lock 01KV2ZJX5T8Q4N6R0W3Y7B9C1D',
    'show lock 01KV2ZJX5T8Q4N6R0W3Y7B9C1D --output images.lock',
  ],
  async run(context, [id], { output, force = false }) {
    const answer = await resolver(context).getLock({ lock: id }, { signal: context.signal })
    const found = present(answer.lock)
    if (output === undefined) return { json: found, text: (paint) => shown(paint, found) }
    if (output === '-') return printed(found)
    await using place = await openPlace(resolve(context.folder, output), context.newId(), force)
    await place.write(renderLockFile(found))
    return {
      json: { file: place.file, lock: found },
      text: () => `${place.file} is written, with ${counted(found.nodes.length, 'node')}.`,
    }
  },
})

export const lockCommands = [lock, show]

export function resolver({ channel }: Context): Remote<ResolverServiceService> {
  return connect(ResolverServiceService, channel)
}

/** Makes a lock, and says what people should know of it. */
export async function makeLock(
  context: Context,
  request: CreateLockRequest,
): Promise<{ readonly lock: Lock; readonly warnings: readonly LockWarning[] }> {
  const { lock: made, warnings } = await resolver(context).createLock(request, {
    signal: context.signal,
  })
  const byMessage = Map.groupBy(warnings, ({ message }) => message)
  for (const [message, about] of byMessage) {
    context.note(`warning: ${plain(message)} (${someOf(about.map(({ node }) => node))})`)
  }
  return { lock: present(made), warnings }
}

/** What to do about the holds of a lock whose file was replaced. */
export function stillHeld(id: string): string {
  return `The lock ${id} still holds its images: \`mrg-image release hold --lock ${id}\` lets go of them.`
}

/** Writes the file of a lock that is made; where that fails, the lock is not lost. */
export async function keep(
  { note }: Context,
  place: { write(text: string): Promise<void> },
  made: Lock,
): Promise<void> {
  try {
    await place.write(renderLockFile(made))
  } catch (error) {
    if (error instanceof Failure) {
      note(`The lock is made: \`mrg-image show lock ${made.id} --output FILE\` writes it.`)
    }
    throw error
  }
}

/** The lock file that is replaced, where there is one to read. */
async function readFormer(file: string): Promise<LockFile | undefined> {
  try {
    return await readLockFile(file)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** `a, b, c and 12 more` */
function someOf(nodes: readonly string[]): string {
  const few = nodes.slice(0, 3).map(plain).join(', ')
  return nodes.length > 3 ? `${few} and ${nodes.length - 3} more` : few
}

function printed(made: Lock): Answer {
  // The line that is printed ends with a newline of its own.
  return { json: made, text: () => renderLockFile(made).trimEnd() }
}

function shown(paint: Paint, found: Lock): string {
  const about = facts(paint, [
    ['Lock', paint('bold', found.id)],
    ['Made', `${time(found.createTime)} by ${plain(found.owner)}`],
    ['Reason', plain(found.reason)],
    ['Link', plain(found.link)],
    ['Catalogue', `generation ${found.generation}`],
  ])
  return `${about}\n\n${pinTable(paint, found.nodes)}`
}

function pinTable(paint: Paint, nodes: readonly LockedNode[]): string {
  const headings = ['Node', 'Reference', 'Arch', 'Image']
  return rowsOf(paint, 'nodes', headings, nodes, ({ node, reference, arch, image }) => [
    plain(node),
    plain(reference),
    plain(arch),
    image,
  ])
}
