import { link, lstat, mkdir, open, rename, rm, rmdir, unlink, utimes } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { errorCode } from '../../lib/failure.ts'
import { ignoreAbsent, syncFolder } from '../../lib/images/partial.ts'
import { writing } from '../../lib/workers/faults.ts'
import type { Shelf } from './shelf.ts'

/** Beside what is laid out, on the same disk; no key begins with a dot. */
const stagingName = '.incoming'

/** Lays images out in a folder, which is made if it is not there. Files under other names are left alone. */
export async function folderShelf(path: string, newUuid: () => string): Promise<Shelf> {
  const root = resolve(path)
  const staging = join(root, stagingName)
  await writing(root, async () => {
    await rm(staging, { recursive: true, force: true })
    await mkdir(staging, { recursive: true })
  })

  /** Under its name it is from one moment to the next another one, and never none. */
  const place = async (from: string, key: string): Promise<string> => {
    const target = join(root, key)
    return writing(target, async () => {
      await mkdir(dirname(target), { recursive: true })
      const own = join(staging, newUuid())
      await link(from, own)
      // Where both are the same file already, rename does nothing and leaves both.
      await rename(own, target)
      await unlink(own).catch(ignoreAbsent)
      await syncFolder(dirname(target))
      return (await tokenOf(target)) ?? ''
    })
  }

  return {
    place: root,
    staging,
    pathOf: (key) => join(root, key),
    async put(staged, key) {
      await using handle = await open(staged, 'r')
      await writing(staged, async () => {
        // Whoever reads it from now on has used the image; making it has not.
        await utimes(staged, new Date(0), new Date())
        await handle.sync()
      })
      return await place(staged, key)
    },
    discard: (staged) => rm(staged, { force: true }),
    copy: (from, key) =>
      place(join(root, from), key).catch((error: unknown) => {
        if (errorCode(causeOf(error)) === 'ENOENT') return undefined
        throw error
      }),
    look: (key) => tokenOf(join(root, key)),
    async remove(key) {
      const target = join(root, key)
      await writing(target, () => unlink(target).catch(ignoreAbsent))
      await removeEmpty(dirname(target), root)
    },
  }
}

/** Says which file it is: one that somebody has replaced or written to is another. */
async function tokenOf(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(ignoreAbsent)
  if (found === undefined) return undefined
  return [found.dev, found.ino, found.size, found.mtimeNs].join(' ')
}

async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let path = folder; path !== root && path.startsWith(root); path = dirname(path)) {
    const isGone = await rmdir(path).then(
      () => true,
      () => false,
    )
    if (!isGone) return
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? (error.cause ?? error) : error
}
