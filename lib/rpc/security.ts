import { credentials, Metadata, ServerCredentials } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { invalid, unidentified } from '../failure.ts'
import { identifyInsecurely, parseCaller, type Identify } from './caller.ts'
import {
  givenFiles,
  identityOf,
  readCertified,
  type Certified,
  type GivenFiles,
} from './certified.ts'
import { dial, openChannel, type Channel } from './connect.ts'
import { demandDevelopment } from './development.ts'

/** How a process shows who it is, and finds out who others are. */
export interface Security {
  /** What a server that others reach shows, and demands. */
  readonly server: ServerCredentials
  readonly identify: Identify
  /** A channel to `peer`, written as callers are, and to nobody else. */
  readonly open: (address: string, peer: string) => Channel
}

export interface SecuritySettings extends GivenFiles {
  readonly insecureDev: boolean
  readonly listen?: string | undefined
}

/** The security of a process that is `self`: with certificates, or, if it is asked for by name, without any. */
export async function openSecurity(
  { insecureDev, listen, ...files }: SecuritySettings,
  self: string,
  { log, now }: { readonly log: Logger; readonly now: () => Date },
): Promise<Security> {
  const given = givenFiles(files)
  if (given === undefined) {
    demandDevelopment(insecureDev, listen, log)
    return insecurely(self)
  }
  if (insecureDev) {
    throw invalid('INVALID_FIELD', 'Give certificates or --insecure-dev, not both.')
  }
  const certified = await readCertified(given, now())
  if (certified.name === self) return certifiedBy(certified)
  throw invalid('INVALID_FIELD', `${given.tlsCert} is for ${certified.name}, and this is ${self}.`)
}

/** The development mode: without TLS, and callers are whoever they say they are. */
export function insecurely(self: string): Security {
  return {
    server: ServerCredentials.createInsecure(),
    identify: identifyInsecurely,
    open: (address) => openChannel(address, self),
  }
}

/** TLS on both ends: certificates of one authority say who is who. */
export function certifiedBy({ chain, key, authority, domain }: Certified): Security {
  const pair = { private_key: key, cert_chain: chain }
  return {
    server: ServerCredentials.createSsl(authority, [pair], true),
    identify: (_, certificate) => parseCaller(nameIn(certificate()?.subjectaltname, domain)),
    open: (address, peer) => {
      // Who answers matters, not where: an address proves nothing inside a testbed.
      const checkServerIdentity = (
        _host: string,
        shown: { readonly subjectaltname?: string },
      ): Error | undefined => differing(shown.subjectaltname, domain, peer)
      const shown = credentials.createSsl(authority, key, chain, { checkServerIdentity })
      return dial(address, shown, new Metadata(), { 'grpc.ssl_target_name_override': hostName })
    },
  }
}

/** What the handshake asks for, since an address may be no name; the certificate is not compared with it. */
const hostName = 'merge-image'

function nameIn(alternativeNames: string | undefined, domain: string): string {
  const found = identityOf(alternativeNames ?? '', 'What the caller showed')
  if (found.domain === domain) return found.name
  throw unidentified(
    'NOT_IDENTIFIED',
    `The caller's certificate is of ${found.domain}, and this is ${domain}.`,
  )
}

function differing(
  alternativeNames: string | undefined,
  domain: string,
  peer: string,
): Error | undefined {
  try {
    const name = nameIn(alternativeNames, domain)
    return name === peer ? undefined : new Error(`it is ${name}, and ${peer} was looked for`)
  } catch (error) {
    return error as Error
  }
}
