import { unidentified } from '../../lib/failure.ts'
import { certificateId, type Security } from '../../lib/rpc/security.ts'

/** Refuses whom the portal says to be revoked. */
export function refusing(security: Security, revokedSerials: () => readonly string[]): Security {
  const identify: Security['identify'] = async (headers, certificate) => {
    const caller = await security.identify(headers, certificate)
    const id = caller.credential?.id
    if (id === undefined || !revokedSerials().some((serial) => certificateId(serial) === id)) {
      return caller
    }
    throw unidentified('CREDENTIAL_REVOKED', `The certificate of ${caller.name} was revoked.`)
  }
  return { ...security, identify }
}
