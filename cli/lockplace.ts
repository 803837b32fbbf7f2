import { realpath, stat } from 'node:fs/promises'
import { errorCode, exists, precondition } from '../lib/failure.ts'
import { createPartial } from '../lib/images/partial.ts'
import { writeFault } from '../lib/workers/faults.ts'

/** Where a lock file is going to be; until it is written, nothing there has changed. */
export interface LockPlace extends AsyncDisposable {
  readonly file: string
  write(text: string): Promise<void>
}

/** Finds out that a lock file can be written, before there is a lock to write. */
export async function openPlace(
  path: string,
  random: string,
  replace: boolean,
): Promise<LockPlace> {
  const file = await freePlace(path, replace)
  const partial = await createPartial(file, random, 0)
  return {
    file,
    async write(text) {
      try {
        await partial.handle.writeFile(text)
      } catch (error) {
        throw writeFault(file, error)
      }
      await partial.publish(replace)
    },
    [Symbol.asyncDispose]: () => partial[Symbol.asyncDispose](),
  }
}

/** The path, behind all links where the file is there already. */
async function freePlace(path: string, replace: boolean): Promise<string> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) {
      throw precondition('UNWRITABLE', `${path} is a directory; name a file`, { path })
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return path
    throw writeFault(path, error)
  }
  if (replace) return realpath(path)
  const advice = '`mrg-image upgrade lock` shows what would move'
  const message = `${path} is there already, and to lock anew may move what it pins: ${advice}.`
  throw exists('FILE_EXISTS', message, { path })
}
