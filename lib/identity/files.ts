import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, invalid, precondition } from '../failure.ts'

/** Writes a file that only this user can read, whole and durably, in place of what was there. */
export async function writeSecret(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const draft = `${path}.new`
    await using file = await open(draft, 'w', 0o600)
    await file.writeFile(bytes)
    await file.sync()
    await rename(draft, path)
    await using folder = await open(dirname(path), 'r')
    await folder.sync()
  } catch (error) {
    const why = errorCode(error) ?? String(error)
    throw precondition('UNWRITABLE', `${path} cannot be written (${why}).`, { path }, error)
  }
}

/** The file, or undefined where there is none. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    const why = errorCode(error) ?? String(error)
    throw invalid('UNREADABLE', `${path} cannot be read (${why}).`, { path }, error)
  }
}
