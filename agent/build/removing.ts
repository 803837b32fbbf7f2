import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { toolPath } from './toolpath.ts'

const execute = promisify(execFile)

/** Removes a folder with all in it, also where a build took the rights to do so off its own folders. */
export async function removeTree(folder: string): Promise<void> {
  const remove = () => rm(folder, { recursive: true, force: true })
  await remove().catch(async () => {
    // It goes past links, and to what is somebody else's it can do nothing.
    await execute('chmod', ['-R', 'u+rwX', folder], { env: { PATH: toolPath } }).catch(ignore)
    await remove()
  })
}

const ignore = (): void => undefined
