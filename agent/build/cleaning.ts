import { lstat, readdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../lib/failure.ts'
import { type Finding, findUnclean, type Listed, lookedInto } from './hygiene.ts'

/** Takes away what must not be in an image, and answers what that was. Nothing else may work in the tree meanwhile. */
export async function clean(root: string): Promise<Finding[]> {
  const findings = findUnclean(await listTree(root))
  for (const { path, act } of findings) {
    if (act === 'remove') await rm(join(root, path), { force: true })
    else await truncate(join(root, path))
  }
  return findings
}

/** What is in the folders of a tree that rules look into. Links are never followed: they lead out of the tree. */
export async function listTree(root: string): Promise<Listed[]> {
  const listing: Listed[] = []
  for (const folder of lookedInto) {
    if (await isWithin(root, folder)) await walk(root, folder, listing)
  }
  return listing
}

async function isWithin(root: string, folder: string): Promise<boolean> {
  let path = root
  for (const part of folder.split('/')) {
    path = join(path, part)
    const stat = await lstat(path).catch(() => undefined)
    if (stat?.isDirectory() !== true) return false
  }
  return true
}

async function walk(root: string, folder: string, listing: Listed[]): Promise<void> {
  for (const entry of await entriesOf(join(root, folder))) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      listing.push({ path, kind: 'folder', sizeBytes: 0 })
      await walk(root, path, listing)
      continue
    }
    const kind = entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'other'
    const { size: sizeBytes } = await lstat(join(root, path))
    listing.push({ path, kind, sizeBytes })
  }
}

async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}
