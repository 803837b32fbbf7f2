import * as fs from 'node:fs/promises'
import path from 'node:path'
import { exhausted, type Failure, precondition } from '../failure.ts'
import { blobGone, blobShort, type BlobStore, blobTaken, checkKey, type Parts } from './blobs.ts'
import { descriptors, type Descriptors } from './descriptors.ts'
import { type Files, systemCode, type WriteHandle } from './files.ts'

export interface Directory extends BlobStore, AsyncDisposable {}

export interface DirectoryOptions {
  readonly path: string
  /** When this process started, in milliseconds since 1970: temporary files from before are what a crash left. */
  readonly startedAt: number
  /** What the clock says, likewise: what was written later was written before the clock was set back. Without it nothing was. */
  readonly now?: number
}

/**
 * Blobs as files in a directory that no other process uses. A blob is written to `tmp/`, synced, and linked into place:
 * `link` never replaces, and what it shows is complete.
 */
export async function openDirectory(
  options: DirectoryOptions,
  files: Files = fs,
): Promise<Directory> {
  const place: Place = {
    root: path.resolve(options.path),
    files,
    open: descriptors((file) => files.open(file, 'r')),
    folders: new Set(),
    writes: 0,
  }
  try {
    await fold(place, 'tmp')
    await keepRoot(place)
    await sweep(place, options)
  } catch (error) {
    throw unwritable(options.path, error)
  }
  return {
    put: (key, parts, signal) => put(place, key, parts, signal),
    range: (key, offset, length, signal) => range(place, key, offset, length, signal),
    stat: (key) => stat(place, key),
    list: (folder, signal) => list(place, folder, signal),
    delete: (key) => remove(place, key),
    [Symbol.asyncDispose]: () => place.open.close(),
  }
}

interface Place {
  readonly root: string
  readonly files: Files
  readonly open: Descriptors
  /** The folders that are known to be there, durably. */
  readonly folders: Set<string>
  /** Numbers the temporary files. */
  writes: number
}

/** Whoever made the folder may have been killed before its entry was durable. One above it that cannot be opened has to be trusted. */
async function keepRoot({ root, files }: Place): Promise<void> {
  await syncFolder(files, path.dirname(root)).catch((error: unknown) => {
    if (systemCode(error) !== 'EACCES') throw error
  })
}

/**
 * Stale is what was last written before this process began: the owner holds the directory's lock, so whoever wrote that is
 * gone. A file of this process is younger, even if the directory is opened once more while it is being written; one that is younger
 * than now is as stale.
 */
async function sweep(
  { root, files }: Place,
  { startedAt, now = Infinity }: DirectoryOptions,
): Promise<void> {
  for (const name of await files.readdir(path.join(root, 'tmp'))) {
    const file = path.join(root, 'tmp', name)
    const { mtimeMs } = await files.stat(file)
    if (mtimeMs < startedAt || mtimeMs > now) await files.unlink(file)
  }
}

async function put(place: Place, key: string, parts: Parts, signal?: AbortSignal): Promise<void> {
  checkKey(key)
  const { root, files } = place
  const folder = path.posix.dirname(key)
  const file = path.join(root, key)
  const draft = path.join(root, 'tmp', `${key.replaceAll('/', '-')}.${place.writes++}`)
  try {
    await fold(place, folder)
    await writeDraft(files, draft, parts, signal)
    await files.link(draft, file)
    await files.unlink(draft)
    await syncFolder(files, path.join(root, folder))
  } catch (error) {
    await files.unlink(draft).catch(() => undefined)
    if (systemCode(error) === 'EEXIST') throw blobTaken(key, error)
    throw unwritable(file, error)
  }
}

async function writeDraft(
  files: Files,
  draft: string,
  parts: Parts,
  signal?: AbortSignal,
): Promise<void> {
  const handle = await files.open(draft, 'wx')
  try {
    let position = 0
    for await (const part of parts) {
      signal?.throwIfAborted()
      await writeWhole(handle, part, position)
      position += part.length
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A full disk shows as a short write first; the write after it gets the error. */
async function writeWhole(handle: WriteHandle, part: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < part.length;) {
    const { bytesWritten } = await handle.write(part, done, part.length - done, position + done)
    if (bytesWritten === 0) throw precondition('UNWRITABLE', 'a write wrote nothing')
    done += bytesWritten
  }
}

async function fold(place: Place, folder: string): Promise<void> {
  if (place.folders.has(folder)) return
  const file = path.join(place.root, folder)
  const first = (await place.files.mkdir(file, { recursive: true })) ?? file
  // Each that was made is an entry of the one above it, and that of the store itself too: without it, all that is inside goes.
  for (let at = file; at.length >= first.length; at = path.dirname(at)) {
    await syncFolder(place.files, path.dirname(at))
  }
  place.folders.add(folder)
}

async function syncFolder(files: Files, folder: string): Promise<void> {
  const handle = await files.open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function range(
  { root, open }: Place,
  key: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  checkKey(key)
  signal?.throwIfAborted()
  const file = path.join(root, key)
  const bytes = Buffer.allocUnsafe(length)
  try {
    await open.use(file, async (handle) => {
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done)
        if (bytesRead === 0) throw blobShort(key, offset, length)
        done += bytesRead
      }
    })
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw blobGone(key, error)
    throw unreadable(file, error)
  }
  return bytes
}

async function stat({ root, files }: Place, key: string) {
  checkKey(key)
  try {
    return { key, sizeBytes: (await files.stat(path.join(root, key))).size }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw unreadable(path.join(root, key), error)
  }
}

async function* list(place: Place, folder: string, signal?: AbortSignal) {
  const names = await namesIn(place, path.join(place.root, folder)).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw unreadable(path.join(place.root, folder), error)
  })
  for (const name of names.toSorted()) {
    signal?.throwIfAborted()
    const found = await stat(place, folder + name)
    if (found !== undefined) yield found
  }
}

/** A process that was killed may have left a file that is there and would not be after a power cut. */
async function namesIn({ files }: Place, folder: string): Promise<string[]> {
  await syncFolder(files, folder)
  return files.readdir(folder)
}

async function remove({ root, files, open }: Place, key: string): Promise<void> {
  checkKey(key)
  const file = path.join(root, key)
  open.drop(file)
  try {
    await files.unlink(file).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error
    })
    await syncFolder(files, path.dirname(file))
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unwritable(file, error)
  }
}

/** Only what the operating system says becomes a Failure here; everything else passes. */
function unwritable(file: string, error: unknown): unknown {
  const code = systemCode(error)
  if (code === undefined) return error
  if (code === 'ENOSPC' || code === 'EDQUOT') return full(file, error)
  return precondition('UNWRITABLE', `${file} could not be written: ${code}`, { path: file }, error)
}

function full(file: string, error: unknown): Failure {
  const folder = path.dirname(file)
  return exhausted('DISK_FULL', `no space is left in ${folder}`, { path: folder }, error)
}

function unreadable(file: string, error: unknown): unknown {
  const code = systemCode(error)
  if (code === undefined) return error
  return precondition('UNREADABLE', `${file} could not be read: ${code}`, { path: file }, error)
}
