import { denied, unidentified, type Failure } from '../../lib/failure.ts'
import { hashOfSecret, parseToken } from '../../lib/identity/token.ts'
import type { Caller, Identify } from '../../lib/rpc/caller.ts'
import type { Sql } from '../db/open.ts'
import type { Oidc } from './oidc.ts'
import { findJoinToken } from './queries.ts'
import { ranked, roleOf, type RoleText } from './roles.ts'
import type { Standing } from './standing.ts'

export interface BearerDeps {
  readonly sql: Sql
  readonly standing: Standing
  readonly oidc: Oidc | undefined
  readonly now: () => Date
}

type Headers = Parameters<Identify>[0]

/** Who calls with a token in the header `authorization`, or NOT_IDENTIFIED. */
export async function callerByToken(headers: Headers, deps: BearerDeps): Promise<Caller> {
  const text = bearerOf(headers)
  if (text === undefined) {
    throw unidentified(
      'NOT_IDENTIFIED',
      'The caller showed no certificate of this portal\'s authority, and no token: send "authorization: Bearer TOKEN", or join.',
    )
  }
  const token = parseToken(text)
  if (token === undefined) return byIdentityProvider(text, headers, deps)
  const hash = hashOfSecret(token.secret)
  return token.kind === 'join' ? joiner(hash, deps) : robot(hash, headers, deps)
}

function bearerOf(headers: Headers): string | undefined {
  const [said] = headers.get('authorization')
  const [, token] = /^bearer +(\S+)$/i.exec(String(said ?? '')) ?? []
  return token
}

async function joiner(hash: Buffer, { sql, now }: BearerDeps): Promise<Caller> {
  const found = await findJoinToken(sql, hash)
  if (found === undefined) throw unknownToken()
  if (found.expireTime <= now()) {
    const text = `The token to join with ran out on ${found.expireTime.toISOString()}: ask for a new one.`
    throw unidentified('NOT_IDENTIFIED', text)
  }
  const { id, facility, expireTime: expires } = found
  const credential = { id: `join:${id}`, expires }
  return { name: `joiner:${facility}`, role: { kind: 'joiner', facility }, credential }
}

async function robot(hash: Buffer, headers: Headers, deps: BearerDeps): Promise<Caller> {
  const found = await deps.standing.robot(hash)
  if (found === undefined) throw unknownToken()
  const { name, tokenId, expireTime: expires } = found
  if (expires <= deps.now()) {
    const text = `The token of robot ${name} ran out on ${expires.toISOString()}: "mrg-image rotate robot ${name}" makes a new one.`
    throw unidentified('NOT_IDENTIFIED', text)
  }
  const isStill = (row: { readonly tokenId: string } | undefined) => row?.tokenId === tokenId
  const holds = () => isStill(deps.standing.known(hash))
  const credential = { id: `robot:${tokenId}`, expires, holds }
  return { ...being(`robot:${name}`, [found.role], headers), credential }
}

async function byIdentityProvider(
  text: string,
  headers: Headers,
  { oidc, standing }: BearerDeps,
): Promise<Caller> {
  if (oidc === undefined) throw unknownToken()
  const { subject, expires, claims } = await oidc.verify(text)
  const roles = (): readonly RoleText[] => rolesBy(claims, standing.grants())
  const caller = being(`oidc:${subject}`, roles(), headers)
  const { role } = caller
  const holds = () => role.kind === 'guest' || roles().some((text) => same(roleOf(text), role))
  return { ...caller, credential: { id: `oidc:${subject}`, expires, holds } }
}

/** The roles that go to whoever has one of these claims. */
function rolesBy(
  claims: Readonly<Record<string, unknown>>,
  grants: ReturnType<Standing['grants']>,
): readonly RoleText[] {
  const has = (claim: string, value: string): boolean => {
    const said = claims[claim]
    // Anybody may say what has not been verified.
    if (claim === 'email' && claims['email_verified'] !== true) return false
    return Array.isArray(said) ? said.includes(value) : said === value
  }
  return grants.filter(({ claim, value }) => has(claim, value)).map(({ role }) => role)
}

const asHeader = 'merge-as'

/** Somebody who may be several things is what it asks to be, or else the greatest. */
function being(name: string, given: readonly RoleText[], headers: Headers): Caller {
  const roles = ranked(given)
  const [said] = headers.get(asHeader)
  const asked = said === undefined ? roles[0] : String(said)
  if (asked === undefined) return { name, role: { kind: 'guest' }, roles }
  const role = roles.includes(asked) ? roleOf(asked) : undefined
  if (role !== undefined) return { name, role, roles }
  const may = roles.length === 0 ? 'it has no role' : `it may be ${roles.join(', ')}`
  throw denied('NOT_ALLOWED', `${name} may not call as ${asked}: ${may}.`, { caller: name })
}

function same(a: ReturnType<typeof roleOf>, b: Caller['role']): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function unknownToken(): Failure {
  return unidentified(
    'NOT_IDENTIFIED',
    'The token is none that counts here: it was replaced or taken away, or is of another portal.',
  )
}
