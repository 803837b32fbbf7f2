import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/** The builder's name, which it keeps over restarts: by it, the portal knows at once which builds a dead one had. */
export async function workerIn(data: string, newUuid: () => string): Promise<string> {
  const path = join(data, 'worker')
  const known = await readFile(path, 'utf8').catch(() => '')
  if (known !== '') return known
  const made = newUuid()
  {
    await using file = await open(`${path}.new`, 'w')
    await file.writeFile(made)
    await file.sync()
  }
  await rename(`${path}.new`, path)
  return made
}
