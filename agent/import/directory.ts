import { constants } from 'node:fs'
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { denied, missing, precondition } from '../../lib/failure.ts'
import { fileChanged } from '../../lib/workers/faults.ts'
import type { DirectoryPlace } from '../../lib/sources/place.ts'
import type { Item, Origin, OriginDeps } from './origin.ts'
import { itemsIn, versionOf } from './walking.ts'
import { isWithin, leadsOut, reading, type Opened } from './within.ts'

const flags = constants.O_RDONLY | constants.O_NONBLOCK
const blockBytes = 1024 * 1024

/** Files of the agent's own machine, below a folder that its owner opened; no link leads out of that. */
export function directoryOrigin(
  { path }: DirectoryPlace,
  { importFolders }: Pick<OriginDeps, 'importFolders'>,
): Origin {
  return {
    async items(signal) {
      const opened = await openedFor(path, importFolders)
      return itemsIn(opened, signal)
    },

    async *open(item, signal) {
      if (item.refused !== undefined) throw item.refused
      const { root, allowed } = await openedFor(path, importFolders)
      if (item.name.split('/').some((part) => ['', '.', '..'].includes(part))) {
        throw leadsOut(item.name)
      }
      const file = join(root, item.name)
      await using handle = await reading(file, () => open(file, flags))
      // What was opened is looked at, not what was to be: a link may have come in between.
      if (!isWithin(await readlink(`/proc/self/fd/${handle.fd}`), allowed))
        throw leadsOut(item.name)
      yield* bytesOf(file, item, handle, signal)
    },

    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function openedFor(path: string, folders: readonly string[]): Promise<Opened> {
  const root = await reading(path, () => realpath(path))
  for (const folder of folders) {
    const allowed = await realpath(folder).catch(() => undefined)
    if (allowed !== undefined && isWithin(root, allowed)) return { root, allowed }
  }
  const known =
    folders.length === 0
      ? 'none is'
      : `open ${folders.length === 1 ? 'is' : 'are'} ${folders.join(', ')}`
  const text = `${path} lies below no folder that this agent may import from: ${known}; its owner opens one with --import-from.`
  throw denied('NOT_ALLOWED', text, { path })
}

/** The bytes of a file that stays as it was found. */
async function* bytesOf(
  path: string,
  { version }: Item,
  handle: FileHandle,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const first = await handle.stat({ bigint: true })
  if (!first.isFile()) throw precondition('UNREADABLE', `${path} is no regular file.`, { path })
  if (versionOf(first) !== version) {
    const text = `${path} is not what it was when its source was scanned: scan the source again.`
    throw missing('FILE_CHANGED', text, { path })
  }
  for (let at = 0; ;) {
    signal.throwIfAborted()
    const buffer = Buffer.allocUnsafe(blockBytes)
    const { bytesRead } = await reading(path, () => handle.read(buffer, 0, blockBytes, at))
    if (bytesRead === 0) break
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
  if (versionOf(await handle.stat({ bigint: true })) !== version) throw fileChanged(path)
}
