import { credentials, experimental, Metadata, ServerCredentials } from '@grpc/grpc-js'
import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import type { Logger } from 'pino'
import { invalid, unidentified } from '../failure.ts'
import { identifyInsecurely, parseCaller, type Caller, type Identify } from './caller.ts'
import { givenFiles, identityOf, readCertified, type GivenFiles } from './certified.ts'
import { dial, openChannel, type Channel } from './connect.ts'
import { demandDevelopment } from './development.ts'
import { renewedChannel } from './renewed.ts'
import { providerOf, renewable, type Shown } from './shown.ts'

/** How a process shows who it is, and finds out who others are. */
export interface Security {
  /** What a server that others reach shows; it may demand a certificate from everybody, or let callers say in a header who they are. */
  readonly server: (demands: 'certificates' | 'something') => ServerCredentials
  readonly identify: Identify
  /** A channel to `peer`, written as callers are, and to nobody else. */
  readonly open: (address: string, peer: string) => Channel
  /** When the certificate runs out that is shown now; undefined where none is. */
  readonly expires: () => Date | undefined
}

export interface SecuritySettings extends GivenFiles {
  readonly insecureDev: boolean
  readonly listen?: string | undefined
}

export interface SecurityDeps {
  readonly log: Logger
  readonly now: () => Date
}

/**
 * The security of a process that is `self`: with certificates in files, with what it shows otherwise, or, if that is asked for by name,
 * without any.
 */
export async function openSecurity(
  { insecureDev, listen, ...files }: SecuritySettings,
  self: string,
  { log, now }: SecurityDeps,
  otherwise?: () => Shown | undefined,
): Promise<Security> {
  const given = givenFiles(files)
  if (given !== undefined && insecureDev) {
    throw invalid('INVALID_FIELD', 'Give certificates or --insecure-dev, not both.')
  }
  if (given !== undefined) {
    const certified = await readCertified(given, now())
    if (certified.name === self) return certifiedBy(renewable(certified), now)
    throw invalid(
      'INVALID_FIELD',
      `${given.tlsCert} is for ${certified.name}, and this is ${self}.`,
    )
  }
  const shown = insecureDev ? undefined : otherwise?.()
  if (shown !== undefined) return certifiedBy(shown, now)
  demandDevelopment(insecureDev, listen, log)
  return insecurely(self)
}

/** The development mode: without TLS, and callers are whoever they say they are. */
export function insecurely(self: string): Security {
  return {
    server: () => ServerCredentials.createInsecure(),
    identify: identifyInsecurely,
    open: (address) => openChannel(address, self),
    expires: () => undefined,
  }
}

/** TLS on both ends: certificates of one authority say who is who. */
export function certifiedBy(shown: Shown, now: () => Date): Security {
  const { domain } = shown.current()
  const provider = providerOf(shown)
  const {
    createCertificateProviderServerCredentials,
    createCertificateProviderChannelCredentials,
  } = experimental
  return {
    server: (demands) =>
      createCertificateProviderServerCredentials(provider, provider, demands === 'certificates'),
    identify: (_, certificate) => callerBy(certificate(), domain, now()),
    open: (address, peer) =>
      renewedChannel(address, shown, () => {
        const checkServerIdentity = answersAs(domain, peer)
        const trusting = { checkServerIdentity }
        const shows = createCertificateProviderChannelCredentials(provider, provider, trusting)
        return dial(address, shows, new Metadata(), answeringName)
      }),
    expires: () => new Date(new X509Certificate(shown.current().chain).validTo),
  }
}

/** A channel to the portal of a caller that shows a token rather than a certificate, and believes this authority (PEM). */
export function openWithToken(
  address: string,
  { authority, token }: { readonly authority: Buffer; readonly token: string },
): Channel {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  const checkServerIdentity = answersAs(undefined, 'portal')
  const shown = credentials.createSsl(authority, null, null, { checkServerIdentity })
  return dial(address, shown, metadata, answeringName)
}

/** What the handshake asks for, since an address may be no name; the certificate is not compared with it. */
const answeringName = { 'grpc.ssl_target_name_override': 'merge-image' }

/** Who a caller is by the certificate that it showed, or NOT_IDENTIFIED. */
export function callerBy(
  certificate: PeerCertificate | undefined,
  domain: string,
  now: Date,
): Caller {
  const caller = parseCaller(nameIn(certificate?.subjectaltname, domain))
  if (certificate === undefined) return caller
  const expires = new Date(certificate.valid_to)
  // A connection outlives the certificate that opened it.
  if (expires > now) {
    return { ...caller, credential: { id: certificateId(certificate.serialNumber), expires } }
  }
  throw unidentified(
    'NOT_IDENTIFIED',
    `The caller's certificate ran out on ${certificate.valid_to}.`,
  )
}

/** How a certificate is named among what callers show. */
export function certificateId(serial: string): string {
  return `certificate:${serial.toLowerCase()}`
}

function nameIn(alternativeNames: string | undefined, domain: string | undefined): string {
  const found = identityOf(alternativeNames ?? '', 'What the caller showed')
  if (domain === undefined || found.domain === domain) return found.name
  throw unidentified(
    'NOT_IDENTIFIED',
    `The caller's certificate is of ${found.domain}, and this is ${domain}.`,
  )
}

/** Who answers matters, not where: an address proves nothing inside a testbed. */
const answersAs =
  (domain: string | undefined, peer: string) =>
  (_host: string, shown: { readonly subjectaltname?: string }): Error | undefined => {
    try {
      const name = nameIn(shown.subjectaltname, domain)
      return name === peer ? undefined : new Error(`it is ${name}, and ${peer} was looked for`)
    } catch (error) {
      return error as Error
    }
  }
