import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../lib/failure.ts'
import { writeSecret } from '../lib/identity/files.ts'

/** What a person is known by at a portal, as `mrg-image login` keeps it. */
export interface Login {
  /** Where the portal answers: host:port. */
  readonly portal: string
  /** The certificate of its authority, in PEM. */
  readonly authority: string
  readonly token: string
}

const fileIn = (folder: string): string => join(folder, 'login.json')

/** Keeps it where only this user can read it; answers where. */
export async function keepLogin(folder: string, login: Login): Promise<string> {
  await writeSecret(fileIn(folder), `${JSON.stringify(login, null, 2)}\n`)
  return fileIn(folder)
}

export async function forgetLogin(folder: string): Promise<void> {
  await rm(fileIn(folder), { force: true })
}

/** What was kept, if anything was. */
export function readLogin(folder: string): Login | 'unreadable' | undefined {
  try {
    const said = JSON.parse(readFileSync(fileIn(folder), 'utf8')) as Partial<Login>
    const { portal, authority, token } = said
    if (portal === undefined || authority === undefined || token === undefined) return 'unreadable'
    return { portal, authority, token }
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : 'unreadable'
  }
}
