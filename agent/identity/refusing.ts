import { unidentified } from '../../lib/failure.ts'
import type { Identify } from '../../lib/rpc/caller.ts'
import { certificateId } from '../../lib/rpc/security.ts'

/** Refuses whom the portal says to be revoked. */
export function refusing(identify: Identify, revokedSerials: () => readonly string[]): Identify {
  return async (headers, certificate) => {
    const caller = await identify(headers, certificate)
    const id = caller.credential?.id
    if (id === undefined || !revokedSerials().some((serial) => certificateId(serial) === id)) {
      return caller
    }
    throw unidentified('CREDENTIAL_REVOKED', `The certificate of ${caller.name} was revoked.`)
  }
}
