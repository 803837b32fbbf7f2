import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from './folder.ts'

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** A certificate for these names that vouches for itself. */
export async function certificateFor(...names: readonly string[]): Promise<Certificate> {
  await using folder = await temporaryFolder()
  const [key, cert] = [join(folder.path, 'key'), join(folder.path, 'cert')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const what = ['-subj', '/CN=test', '-addext', `subjectAltName=${names.join(',')}`]
  const files = ['-keyout', key, '-out', cert]
  await promisify(execFile)('openssl', ['req', '-x509', ...kind, ...files, ...what])
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}
