import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { toolPath } from './toolpath.ts'

const execute = promisify(execFile)

/** The mirrors of Debian that the machine itself installs from, which are near, and chosen by whoever runs it; none without apt. */
export async function ownMirrors(): Promise<readonly string[]> {
  const asked = ['indextargets', '--format', '$(ORIGIN) $(REPO_URI)', 'Created-By: Packages']
  return execute('apt-get', asked, { env: { PATH: toolPath, LC_ALL: 'C' } }).then(
    ({ stdout }) => mirrorsIn(stdout),
    () => [],
  )
}

export function mirrorsIn(targets: string): string[] {
  const found = [...targets.matchAll(/^Debian ((?:https?|file|copy):\/\/\S+?)\/?$/gm)]
  return [...new Set(found.map(([, mirror = '']) => mirror))]
}
