import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, exists, type Failure } from '../failure.ts'
import { writing } from '../workers/faults.ts'

/** A file being written beside its target. Disposing removes it; the target only ever changes in `publish`, at once. */
export interface Partial extends AsyncDisposable {
  readonly target: string
  readonly handle: FileHandle
  /** Makes the bytes durable and gives the file the target's name. */
  publish(replace: boolean): Promise<void>
}

/** The file has its length at once, all of it hole. */
export async function createPartial(
  target: string,
  random: string,
  sizeBytes: number,
): Promise<Partial> {
  const folder = path.dirname(target)
  const own = path.join(folder, partialName(path.basename(target), random))
  const handle = await writing(target, () => open(own, 'wx+'))
  const partial: Partial = {
    target,
    handle,
    publish: (replace) =>
      writing(target, async () => {
        await handle.sync()
        await (replace ? rename(own, target) : claim(own, target))
        await syncFolder(folder)
      }),
    async [Symbol.asyncDispose]() {
      await handle.close()
      await unlink(own).catch(ignoreAbsent)
    },
  }
  await using unfinished = new AsyncDisposableStack()
  unfinished.use(partial)
  await writing(target, () => handle.truncate(sizeBytes))
  unfinished.move()
  return partial
}

/** What files are called that are not whole yet; one that a crash left behind can be removed. */
export function partialName(name: string, random: string): string {
  return `.${name}.${random}.partial`
}

/** Spares the work; what decides is the link at the end. */
export async function checkAbsent(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined)
  if (there !== undefined) throw fileExists(path)
}

function fileExists(target: string): Failure {
  const advice = 'remove it, name another, or ask to replace it'
  return exists('FILE_EXISTS', `${target} is already there: ${advice}`, { path: target })
}

/** Unlike rename, link never replaces what is there. */
async function claim(own: string, target: string): Promise<void> {
  try {
    await link(own, target)
  } catch (error) {
    throw errorCode(error) === 'EEXIST' ? fileExists(target) : error
  }
}

/** Makes the names in it durable. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

/** What is not there need not be removed, or looked at. */
export function ignoreAbsent(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error
  return undefined
}
