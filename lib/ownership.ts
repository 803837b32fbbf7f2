import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorCode, unavailable } from './failure.ts'

/**
 * Makes the folder and owns it until this process ends, however it ends. SQLite brings the one lock that Node offers which the
 * kernel gives back by itself.
 */
export function ownFolder(path: string): Disposable {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 })
    const lock = new DatabaseSync(join(path, 'lock'))
    lock.exec('pragma busy_timeout = 5000; begin exclusive')
    return {
      [Symbol.dispose]: () => {
        lock.close()
      },
    }
  } catch (error) {
    const taken = error instanceof Error && error.message.includes('locked')
    throw unavailable(
      'NOT_READY',
      taken
        ? `${path} belongs to another process that is running: stop it, or give another folder.`
        : `${path} cannot be used: ${errorCode(error) ?? String(error)}. Give a folder that you may write to.`,
      { path },
      error,
    )
  }
}
