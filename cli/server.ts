import { readFile } from 'node:fs/promises'
import { errorCode, invalid, unidentified } from '../lib/failure.ts'
import { givenFiles, readCertified, type GivenFiles } from '../lib/rpc/certified.ts'
import { openChannel, type Channel } from '../lib/rpc/connect.ts'
import { certifiedBy, openWithToken } from '../lib/rpc/security.ts'
import { renewable } from '../lib/rpc/shown.ts'
import type { readLogin } from './logged.ts'

/** Who calls. */
export interface Self extends GivenFiles {
  /** In the development mode: whoever they say; undefined where nobody said. */
  readonly caller: string | undefined
  /** A file with a token. */
  readonly tokenFile?: string | undefined
  /** What `mrg-image login` kept. */
  readonly login?: ReturnType<typeof readLogin>
}

/**
 * Opens the channel to the portal, or to the agent behind its socket, which asks for nothing: only its user can open it. What was said
 * counts before what was kept.
 */
export async function openServer(address: string, self: Self, now: Date): Promise<Channel> {
  const { caller, tokenFile, tlsCa, login } = self
  if (address.startsWith('unix:')) return openChannel(address, caller ?? 'admin')
  if (tokenFile !== undefined) {
    if (tlsCa === undefined) {
      const text = '--token-file goes with --tls-ca, or "mrg-image login" keeps both.'
      throw invalid('INVALID_FIELD', text)
    }
    const token = (await readGiven('--token-file', tokenFile)).toString().trim()
    return openWithToken(address, { authority: await readGiven('--tls-ca', tlsCa), token })
  }
  const files = givenFiles(self)
  if (files !== undefined) {
    const certified = await readCertified(files, now)
    return certifiedBy(renewable(certified), () => now).open(address, 'portal')
  }
  if (login === undefined || caller !== undefined) return openPlainly(address, caller)
  if (login === 'unreadable') {
    const text = 'What "mrg-image login" kept cannot be read: "mrg-image logout", and log in again.'
    throw invalid('UNREADABLE', text)
  }
  const { authority, token } = login
  return openWithToken(address, { authority: Buffer.from(authority), token })
}

/** Without TLS whoever is on the way can answer: nobody asks others than this machine so who did not say that they want to. */
function openPlainly(address: string, caller: string | undefined): Channel {
  if (caller !== undefined || /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):/.test(address)) {
    return openChannel(address, caller ?? 'admin')
  }
  throw unidentified(
    'NOT_IDENTIFIED',
    `You are nobody at ${address} yet: "mrg-image login ${address} FILE" makes you known by the token in a file.`,
  )
}

export async function readGiven(flag: string, file: string): Promise<Buffer> {
  return readFile(file).catch((error: unknown) => {
    const why = errorCode(error) ?? String(error)
    throw invalid('UNREADABLE', `${flag}: ${file} cannot be read (${why}).`, { path: file }, error)
  })
}
