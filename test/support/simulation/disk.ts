import { dirname, join } from 'node:path'
import type { FileHandle, Files } from '../../../lib/chunks/files.ts'
import type { Chance } from './chance.ts'
import type { Process } from './process.ts'

/** What a disk may do wrong. */
export interface DiskFaults {
  /** Of a hundred thousand operations, so many fail. */
  failures: number
  /** What others take of it at the moment. */
  othersBytes: number
}

/** A file, under whatever names. */
export interface Inode {
  readonly number: number
  bytes: Buffer
  /** So many of its bytes stay when the power goes. */
  durableBytes: number
  /** Whether a bit of it was flipped. */
  isRotten: boolean
  mtimeMs: number
}

interface Folder {
  entries: Map<string, Inode>
  /** What stays when the power goes. */
  durable: Map<string, Inode>
  isDurable: boolean
}

/** A disk in memory that forgets what nobody synced when the power goes. */
export interface Disk {
  /** The disk as a process sees it. */
  files(process: Process): Files
  readonly faults: DiskFaults
  readonly totalBytes: number
  usedBytes(): number
  /** The power goes: of what was not synced some is there and some is not. */
  cut(chance: Chance): void
  /** The names in a folder. */
  names(folder: string): readonly string[]
  file(path: string): Inode | undefined
  /** Whether a file is there, whole, whatever happens. */
  isDurable(path: string): boolean
  /** How many bits were flipped. */
  rotten: number
  /** Grows whenever a file may have gone. */
  readonly changes: number
}

export function diskOf(root: string, totalBytes: number, chance: Chance): Disk {
  const folders = new Map<string, Folder>([[root, newFolder(true)]])
  const faults: DiskFaults = { failures: 0, othersBytes: 0 }
  let [changes, made] = [0, 0]
  const folderOf = (path: string): Folder => folders.get(path) ?? fail('ENOENT', path)
  const usedBytes = (): number => {
    const inodes = new Set([...folders.values()].flatMap(({ entries }) => [...entries.values()]))
    return [...inodes].reduce((sum, { bytes }) => sum + bytes.length, faults.othersBytes)
  }
  const make = (path: string): Inode => {
    const { entries } = folderOf(dirname(path))
    if (entries.has(name(path))) fail('EEXIST', path)
    const inode = { ...{ number: made++, bytes: Buffer.alloc(0), durableBytes: 0 }, ...fresh }
    entries.set(name(path), inode)
    return inode
  }
  const find = (path: string): Inode =>
    folders.get(dirname(path))?.entries.get(name(path)) ?? fail('ENOENT', path)

  /** Each operation takes its time, and may fail; a process that ends meanwhile never hears of it. */
  const operating =
    (process: Process) =>
    <T>(what: string, path: string, act: () => T): Promise<T> =>
      process.act(`${what} ${path.slice(root.length)}`, chance.between(1, 30) / 10, () => {
        if (chance.next() * 100_000 < faults.failures) fail('EIO', path)
        const result = act()
        if (what === 'unlink') changes++
        return result
      })

  const handleOf = (process: Process, path: string, inode: Inode): FileHandle => {
    const operate = operating(process)
    return {
      read: (into, at, length, position) =>
        operate('read', path, () => {
          const part = inode.bytes.subarray(position, position + length)
          into.set(part, at)
          return { bytesRead: part.length }
        }),
      write: (bytes, from, length, position) =>
        operate('write', path, () => {
          const room = Math.max(0, totalBytes - usedBytes())
          if (room === 0) fail('ENOSPC', path)
          const part = bytes.subarray(from, from + Math.min(length, room))
          inode.bytes = Buffer.concat([inode.bytes.subarray(0, position), part])
          inode.mtimeMs = process.now().getTime()
          return { bytesWritten: part.length }
        }),
      sync: () =>
        operate('sync', path, () => {
          inode.durableBytes = inode.bytes.length
        }),
      close: () => Promise.resolve(),
    }
  }
  const folderHandle = (process: Process, path: string, folder: Folder): FileHandle => ({
    ...handleOf(process, path, { ...{ number: -1, bytes: Buffer.alloc(0) }, ...unsynced }),
    sync: () =>
      operating(process)('sync', `${path}/`, () => {
        folder.durable = new Map(folder.entries)
        for (const [other, inside] of folders) if (dirname(other) === path) inside.isDurable = true
      }),
  })
  const filesFor = (process: Process): Files => {
    const operate = operating(process)
    return {
      open: (path, flags) =>
        operate('open', path, () => {
          const folder = folders.get(path.replace(/\/$/, ''))
          if (folder !== undefined) return folderHandle(process, path, folder)
          return handleOf(process, path, flags === 'wx' ? make(path) : find(path))
        }),
      link: (from, to) =>
        operate('link', to, () => {
          const { entries } = folderOf(dirname(to))
          if (entries.has(name(to))) fail('EEXIST', to)
          entries.set(name(to), find(from))
        }),
      unlink: (path) =>
        operate('unlink', path, () => {
          if (!folderOf(dirname(path)).entries.delete(name(path))) fail('ENOENT', path)
        }),
      mkdir: (path) => operate('mkdir', path, () => makeFolders(folders, path)),
      readdir: (path) =>
        operate('readdir', path, () => [...folderOf(path.replace(/\/$/, '')).entries.keys()]),
      stat: (path) =>
        operate('stat', path, () => ({
          size: find(path).bytes.length,
          mtimeMs: find(path).mtimeMs,
        })),
    }
  }
  return {
    files: filesFor,
    faults,
    rotten: 0,
    totalBytes,
    usedBytes,
    cut: (by) => {
      changes++
      loseUnsynced(folders, by)
    },
    names: (folder) => [...(folders.get(folder)?.entries.keys() ?? [])],
    file: (path) => folders.get(dirname(path))?.entries.get(name(path)),
    isDurable(path) {
      const folder = folders.get(dirname(path))
      const inode = folder?.durable.get(name(path))
      if (folder === undefined || inode === undefined) return false
      return inode.durableBytes === inode.bytes.length && isReachable(folders, dirname(path), root)
    },
    get changes() {
      return changes
    },
  }
}

const unsynced = { durableBytes: 0, isRotten: false, mtimeMs: 0 }
const fresh = { isRotten: false, mtimeMs: 0 }

function newFolder(isDurable: boolean): Folder {
  return { entries: new Map(), durable: new Map(), isDurable }
}

function name(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function fail(code: string, path: string): never {
  throw Object.assign(new Error(`${code} at ${path}`), { code })
}

/** Answers as `mkdir -p` does in Node: with the first that was made. */
function makeFolders(folders: Map<string, Folder>, path: string): string | undefined {
  if (folders.has(path)) return undefined
  const above = makeFolders(folders, dirname(path))
  folders.set(path, newFolder(false))
  return above ?? path
}

function isReachable(folders: ReadonlyMap<string, Folder>, path: string, root: string): boolean {
  if (path === root) return true
  return folders.get(path)?.isDurable === true && isReachable(folders, dirname(path), root)
}

function loseUnsynced(folders: Map<string, Folder>, chance: Chance): void {
  for (const [path, folder] of folders) {
    if (!folders.has(dirname(path)) && path.lastIndexOf('/') > 0) folders.delete(path)
    else if (!folder.isDurable && chance.happens(0.5)) folders.delete(path)
    else loseEntries(folder, chance)
  }
  const inodes = [...folders.values()].flatMap(({ entries }) => [...entries.values()])
  for (const inode of new Set(inodes)) loseBytes(inode, chance)
}

function loseEntries(folder: Folder, chance: Chance): void {
  for (const one of new Set([...folder.entries.keys(), ...folder.durable.keys()])) {
    const [now, before] = [folder.entries.get(one), folder.durable.get(one)]
    if (now === before || chance.happens(0.5)) continue
    if (before === undefined) folder.entries.delete(one)
    else folder.entries.set(one, before)
  }
  folder.durable = new Map(folder.entries)
  folder.isDurable = true
}

/** A file may be cut anywhere behind what was synced, and what is left there may be zeros. */
function loseBytes(inode: Inode, chance: Chance): void {
  if (inode.bytes.length > inode.durableBytes) {
    inode.bytes = inode.bytes.subarray(0, chance.between(inode.durableBytes, inode.bytes.length))
    if (chance.happens(0.5)) {
      inode.bytes = Buffer.concat([
        inode.bytes.subarray(0, inode.durableBytes),
        Buffer.alloc(inode.bytes.length - inode.durableBytes),
      ])
    }
  }
  inode.durableBytes = inode.bytes.length
}

/** Flips a bit of one of the packs, if there is any. */
export function rotPack(disk: Disk, folder: string, chance: Chance): string | undefined {
  const pack = chance.any(disk.names(folder).toSorted())
  const inode = pack === undefined ? undefined : disk.file(join(folder, pack))
  if (inode === undefined || inode.bytes.length === 0) return undefined
  const at = chance.between(0, inode.bytes.length - 1)
  inode.bytes = Buffer.from(inode.bytes)
  inode.bytes[at] = (inode.bytes[at] ?? 0) ^ (1 << chance.between(0, 7))
  inode.isRotten = true
  disk.rotten++
  return `${pack ?? ''} at ${at}`
}
