import { statfs } from 'node:fs/promises'

/** What is taken of the disk on which a folder lies, and what it holds for this user: as `df` counts. */
export interface Disk {
  readonly usedBytes: number
  readonly totalBytes: number
}

export async function diskOf(folder: string): Promise<Disk> {
  const { blocks, bfree, bavail, bsize } = await statfs(folder)
  const usedBytes = (blocks - bfree) * bsize
  return { usedBytes, totalBytes: usedBytes + bavail * bsize }
}
