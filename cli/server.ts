import { givenFiles, readCertified, type GivenFiles } from '../lib/rpc/certified.ts'
import { openChannel, type Channel } from '../lib/rpc/connect.ts'
import { certifiedBy } from '../lib/rpc/security.ts'

/** Who calls: whoever the certificate is for, or, in the development mode, whoever they say. */
export interface Self extends GivenFiles {
  readonly caller: string
}

/** Opens the channel to the portal, or to the agent behind its socket, which asks for nothing: only its user can open it. */
export async function openServer(address: string, self: Self, now: Date): Promise<Channel> {
  const files = address.startsWith('unix:') ? undefined : givenFiles(self)
  if (files === undefined) return openChannel(address, self.caller)
  return certifiedBy(await readCertified(files, now)).open(address, 'portal')
}
