import { type FileHandle, open } from 'node:fs/promises'
import {
  type Content,
  contentBytes,
  contentOf,
  type Extent,
  extentsOf,
  tableBytes,
} from './volumes.ts'

/** An ext file system in a file. */
export interface Filesystem {
  readonly path: string
  readonly offset: number
  /** What it is in the disk, for people. */
  readonly name: string
}

/** What is in a disk. */
export interface Contents {
  readonly filesystems: readonly Filesystem[]
  /** What else is in it that may hold files, and cannot be read here: a few words each. */
  readonly unread: readonly string[]
}

/** Finds the file systems of a raw disk by its own bytes; nothing of it is mounted, and no driver of the kernel reads it. */
export async function contentsOf(path: string): Promise<Contents> {
  await using file = await open(path)
  const { size } = await file.stat()
  const filesystems: Filesystem[] = []
  const unread: string[] = []
  for (const extent of extentsOf(await partOf(file, 0, tableBytes), size)) {
    const { number, offset, use } = extent
    const content = contentOf(await partOf(file, offset, contentBytes))
    const name = number === 0 ? 'the disk' : `partition ${number}`
    if (use === 'any' && content === 'ext') filesystems.push({ path, offset, name })
    else if (mayHoldFiles(extent, content)) unread.push(`${name} is ${words(extent, content)}`)
  }
  return { filesystems, unread }
}

/** What a firmware starts from, and what is used for memory, has nothing in it that a system wrote down. */
function mayHoldFiles({ number, use }: Extent, content: Content): boolean {
  if (number === 0) return true
  return use !== 'loader' && content !== 'fat' && content !== 'swap' && content !== 'zeros'
}

function words({ use }: Extent, content: Content): string {
  if (use === 'extended') return 'an extended partition'
  if (content === 'lvm') return 'a volume of LVM'
  if (content === 'luks') return 'encrypted'
  return content === 'unknown' ? 'nothing that is known here' : content
}

async function partOf(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at)
  return buffer.subarray(0, bytesRead)
}
