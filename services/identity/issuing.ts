import { precondition } from '../../lib/failure.ts'
import type { Authority } from '../../lib/identity/authority.ts'
import { readRequest } from '../../lib/identity/request.ts'
import { hashOfSecret, renderToken, type Token } from '../../lib/identity/token.ts'
import type { Transaction } from '../db/open.ts'
import { lifetimeFrom, serialOf } from './authority.ts'
import { insertCertificate } from './issued.ts'

/** What the portal issues with; undefined where its certificates come from somebody else. */
export interface Issuing {
  readonly authority: Authority
  /** How long certificates are valid, in milliseconds. */
  readonly lifetimeMs: number
  readonly now: () => Date
  readonly newUuid: () => string
  readonly newUlid: () => string
}

/** The authority, or NO_AUTHORITY. */
export function demandAuthority(issuing: Issuing | undefined): Issuing {
  if (issuing !== undefined) return issuing
  throw precondition(
    'NO_AUTHORITY',
    'This portal was started with certificates of an authority that it has no key of, or without any: it can issue nothing. Start it without --tls-cert, or with --ca-cert and --ca-key (docs/security.md).',
  )
}

interface Issued {
  /** In DER. */
  readonly certificate: Buffer
  readonly authorities: Buffer[]
  readonly serial: string
}

/** A certificate for who asks, with a request that asks for nothing. */
export async function issueFor(
  tx: Transaction,
  facility: string,
  request: Buffer,
  { authority, lifetimeMs, now, newUuid }: Issuing,
  renews?: string,
): Promise<Issued> {
  const publicKey = await readRequest(request)
  const [serial, createTime] = [serialOf(newUuid()), now()]
  const lifetime = lifetimeFrom(createTime, lifetimeMs)
  const { notAfter: expireTime } = lifetime
  const name = `agent:${facility}`
  const row = { serial, name, facility, createTime, expireTime }
  await insertCertificate(tx, renews === undefined ? row : { ...row, renews })
  const path = `agent/${facility}`
  const certificate = await authority.issue({ path, publicKey, serial, lifetime })
  return { certificate, authorities: [authority.der], serial }
}

/**
 * The token with this id. Its secret is made of the id, so that a request that is sent again is answered the same although the
 * secret is kept nowhere.
 */
export function tokenOf(kind: Token['kind'], id: string, { authority }: Issuing): string {
  return renderToken({ kind, secret: secretOf(kind, id, authority), pin: authority.pin })
}

export function secretHashOf(kind: Token['kind'], id: string, { authority }: Issuing): Buffer {
  return hashOfSecret(secretOf(kind, id, authority))
}

function secretOf(kind: Token['kind'], id: string, authority: Authority): Buffer {
  return authority.secretOf(`${kind} ${id}`)
}
