import { relative } from 'node:path'
import type { Filesystem } from './disk.ts'
import type { Environment, Places, Step } from './plan.ts'

/**
 * How the tools of e2fsprogs are told where a file system is. By its path from the build's folder, where commands run: what
 * follows a question mark is options to them, and nobody knows what the path of that folder has in it.
 */
export function imageOf(
  { path, offset }: Pick<Filesystem, 'path' | 'offset'>,
  { folder }: Pick<Places, 'folder'>,
): string {
  const name = relative(folder, path)
  return offset === 0 ? name : `${name}?offset=${offset}`
}

export interface DebugfsWish {
  readonly title: string
  readonly commands: readonly string[]
  /** Given for a run that writes: where the former bytes of what it writes over go. */
  readonly undo?: string
  readonly environment?: Environment
}

/** Commands of debugfs on a file system. It says each before what comes of it; what it complains of is not heard. */
export function debugfs(
  filesystem: Filesystem,
  { title, commands, undo, environment }: DebugfsWish,
  places: Places,
): Step[] {
  const list = `${places.inputs}/debugfs`
  const writing = undo === undefined ? [] : ['-w', '-z', undo]
  const image = imageOf(filesystem, places)
  return [
    {
      kind: 'write',
      path: list,
      content: commands.map((command) => `${command}\n`).join(''),
      mode: '0600',
    },
    {
      kind: 'run',
      title,
      argv: ['sh', '-c', 'exec "$@" 2>/dev/null', 'sh', 'debugfs', ...writing, '-f', list, image],
      environment: { DEBUGFS_PAGER: '__none__', ...environment },
      blame: 'OUTPUT',
    },
  ]
}

/** What came of each command. Throws where what was said cannot be told apart. */
export function answersOf(commands: readonly string[], said: string): string[] {
  const parts = said.split(/^debugfs: /m).slice(1)
  if (parts.length !== commands.length) throw new Error('debugfs said something else')
  return parts.map((part, i) => {
    const command = `${commands[i] ?? ''}\n`
    if (!part.startsWith(command)) throw new Error('debugfs said something else')
    return part.slice(command.length)
  })
}

/** An entry of a folder. */
export interface Entry {
  readonly inode: number
  readonly name: string
  readonly kind: 'file' | 'link' | 'folder' | 'other'
  readonly sizeBytes: number
}

const kinds: Readonly<Record<string, Entry['kind']>> = {
  '10': 'file',
  '12': 'link',
  '04': 'folder',
}

/** Reads `ls -p`: `/13/100644/0/0/machine-id/33/`. No name has a slash in it. */
export function parseEntries(said: string): Entry[] {
  const pattern = /\/(\d+)\/(\d\d)\d{4}\/\d+\/\d+\/([^/]*)\/(\d*)\/\n/g
  return [...said.matchAll(pattern)].map(([, inode, type = '', name = '', size]) => ({
    inode: Number(inode),
    name,
    kind: kinds[type] ?? 'other',
    sizeBytes: Number(size),
  }))
}
