import { isOver } from '../../lib/chunks/abort.ts'
import type { Bench } from './bench.ts'
import { answersOf, debugfs, type Entry, parseEntries } from './debugfs.ts'
import type { Contents, Filesystem } from './disk.ts'
import { Fault } from './fault.ts'
import { gathered } from './gathering.ts'
import { type Listed, lookedInto } from './hygiene.ts'

export const rootInode = 2

type LookBench = Pick<Bench, 'places' | 'carryOut' | 'signal'>

/** What is in the folders that rules look into, of those file systems of a disk that are a root. */
export interface Roots {
  readonly listing: readonly Listed[]
  /** Why there may be more than that, a few words each. */
  readonly unread: readonly string[]
}

/** Looks into the roots of a disk as debugfs reads them. Links are not followed. */
export async function lookInto(contents: Contents, bench: LookBench): Promise<Roots> {
  const listing: Listed[] = []
  const unread = [...contents.unread]
  for (const filesystem of contents.filesystems) {
    const seen = await listFilesystem(filesystem, bench)
    if (typeof seen === 'string') unread.push(`${filesystem.name} ${seen}`)
    else listing.push(...seen)
  }
  return { listing, unread }
}

/** Deeper than anybody looks, and more than anybody has: what goes on is a circle. */
const [mostLevels, mostEntries] = [64, 500_000] as const

interface Folder {
  readonly path: string
  readonly inode: number
}

/** What is listed, or why not. */
async function listFilesystem(
  filesystem: Filesystem,
  bench: LookBench,
): Promise<readonly Listed[] | string> {
  const listing: Listed[] = []
  let level: readonly Folder[] = [{ path: '', inode: rootInode }]
  for (let depth = 0; level.length > 0; depth++) {
    const entries = await entriesIn(filesystem, level, bench)
    if (entries === undefined) return 'cannot be read by debugfs'
    if (depth === 0 && !hasEtc(entries)) return 'has no /etc, so it is no root'
    if (depth > mostLevels || listing.length > mostEntries) return 'has folders without end'
    listing.push(...entries.filter(({ path }) => isWithin(path)))
    level = entries.filter(({ path, kind }) => kind === 'folder' && (isWithin(path) || leads(path)))
  }
  return listing
}

function hasEtc(entries: readonly Listed[]): boolean {
  return entries.some(({ path, kind }) => path === 'etc' && kind === 'folder')
}

function isWithin(path: string): boolean {
  return lookedInto.some((folder) => path.startsWith(`${folder}/`))
}

function leads(path: string): boolean {
  return lookedInto.some((folder) => folder === path || folder.startsWith(`${path}/`))
}

/** What is in some folders; undefined where one cannot be read. */
async function entriesIn(
  filesystem: Filesystem,
  folders: readonly Folder[],
  bench: LookBench,
): Promise<(Listed & Folder)[] | undefined> {
  const lists = await listFolders(
    filesystem,
    folders.map(({ inode }) => inode),
    bench,
  )
  return lists?.flatMap((entries, i) => {
    const parent = folders[i]?.path ?? ''
    return entries.map((entry) => {
      return { ...entry, path: parent === '' ? entry.name : `${parent}/${entry.name}` }
    })
  })
}

/** The entries of folders, by their inodes: no name of the disk's is ever part of a command. */
export async function listFolders(
  filesystem: Filesystem,
  inodes: readonly number[],
  { places, carryOut, signal }: LookBench,
): Promise<(readonly Entry[])[] | undefined> {
  const commands = inodes.map((inode) => `ls -p <${inode}>`)
  const output = gathered()
  const title = `looking into ${filesystem.name}`
  try {
    await carryOut(debugfs(filesystem, { title, commands }, places), output.listen)
    const lists = answersOf(commands, output.text()).map(parseEntries)
    // A folder has itself in it; debugfs lists nothing of one that it cannot read.
    if (!lists.every((list) => list.some(({ name }) => name === '.'))) return undefined
    return lists.map((list) => list.filter(({ name }) => name !== '.' && name !== '..'))
  } catch (error) {
    if (isOver(signal) || (error instanceof Fault && error.blame !== 'OUTPUT')) throw error
    return undefined
  }
}
