import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import {
  makeAuthority,
  openAuthority,
  type Authority,
  type Lifetime,
} from '../../lib/identity/authority.ts'
import { readIfThere, writeSecret } from '../../lib/identity/files.ts'
import { invalid } from '../../lib/failure.ts'

export interface AuthoritySettings {
  readonly data: string
  readonly domain: string
  readonly caCert: string | undefined
  readonly caKey: string | undefined
}

export interface AuthorityDeps {
  readonly now: () => Date
  readonly newUuid: () => string
  /** Whether agents have certificates of one already. */
  readonly isKnown: boolean
}

const day = 24 * 60 * 60 * 1000
const hour = day / 24

/** The authority that was brought, or else the portal's own, which is made at the first start. */
export async function authorityOf(
  { data, domain, caCert, caKey }: AuthoritySettings,
  { now, newUuid, isKnown }: AuthorityDeps,
): Promise<Authority> {
  if ((caCert === undefined) !== (caKey === undefined)) {
    throw invalid('INVALID_FIELD', '--ca-cert and --ca-key go together: give both.')
  }
  const certificate = caCert ?? join(data, 'authority', 'certificate.pem')
  const key = caKey ?? join(data, 'authority', 'key.pem')
  const [found, foundKey] = await Promise.all([readIfThere(certificate), readIfThere(key)])
  if (found !== undefined && foundKey !== undefined) {
    demandDomain(found, domain)
    return openAuthority({ certificate: found, key: foundKey }, domain, now())
  }
  if (caCert !== undefined || found !== undefined || (isKnown && foundKey !== undefined)) {
    const absent = found === undefined ? certificate : key
    const text = `${absent} is not there: an authority is its certificate and its key. Bring it back from a copy; nothing was changed.`
    throw invalid('UNREADABLE', text, { path: absent })
  }
  const made = await makeAuthority(domain, serialOf(newUuid()), lifetimeFrom(now(), 3650 * day))
  // The certificate comes last: what has one was made to its end.
  await writeSecret(key, made.key)
  await writeSecret(certificate, made.certificate)
  return openAuthority(made, domain, now())
}

/** An authority that the portal made says for which domain. */
function demandDomain(certificate: Buffer, domain: string): void {
  const names = new X509Certificate(certificate).subjectAltName ?? ''
  const [, own = domain] = /^URI:spiffe:\/\/([^/,]+)$/.exec(names) ?? []
  if (own === domain) return
  throw invalid('INVALID_FIELD', `--domain: the authority here is of ${own}, and not of ${domain}.`)
}

/** 122 bits that nobody can guess, positive as RFC 5280 wants it (4.1.2.2). */
export function serialOf(uuid: string): string {
  return `4${uuid.replaceAll('-', '').slice(1)}`
}

/** From an hour before, for the clocks of others. */
export function lifetimeFrom(now: Date, ms: number): Lifetime {
  return { notBefore: new Date(now.getTime() - hour), notAfter: new Date(now.getTime() + ms) }
}
