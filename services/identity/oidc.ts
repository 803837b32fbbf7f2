import { createHash } from 'node:crypto'
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import { unavailable, unidentified, type Failure } from '../../lib/failure.ts'
import { isSafe } from './issuer.ts'

/** Tokens of an identity provider (OpenID Connect Core 1.0). */
export interface Oidc {
  /** What a token says, if it is one of the provider's, for this portal, and counts now; else NOT_IDENTIFIED. */
  readonly verify: (token: string) => Promise<Verified>
}

export interface Verified {
  readonly subject: string
  readonly expires: Date
  readonly claims: Readonly<JWTPayload>
}

export interface OidcSettings {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly string[]
}

const leewaySeconds = 30
const patienceMs = 5_000

/** The provider's keys are looked for at the first token, and again when one is signed with a key that is not known. */
export function openOidc({ issuer, audience, algorithms }: OidcSettings, now: () => Date): Oidc {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined
  const keysOf = () => {
    keys ??= discover(issuer).catch((error: unknown) => {
      keys = undefined
      throw error
    })
    return keys
  }
  return {
    verify: async (token) => {
      const get = await keysOf()
      const demands = {
        ...{ issuer, audience, algorithms: [...algorithms] },
        ...{ currentDate: now(), clockTolerance: leewaySeconds },
        requiredClaims: ['sub', 'exp', 'iat'],
      }
      const { payload } = await jwtVerify(token, get, demands).catch((error: unknown) => {
        throw refused(error, issuer)
      })
      const expires = new Date(((payload.exp ?? 0) + leewaySeconds) * 1000)
      return { subject: nameable(payload.sub ?? ''), expires, claims: payload }
    },
  }
}

async function discover(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  try {
    const answer = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(patienceMs),
    })
    const said = (await answer.json()) as { readonly issuer?: unknown; readonly jwks_uri?: unknown }
    if (said.issuer !== issuer) throw new Error(`it calls itself ${String(said.issuer)}`)
    const keys = String(said.jwks_uri)
    if (!isSafe(keys)) throw new Error(`its keys are at ${keys}, without TLS`)
    return createRemoteJWKSet(new URL(keys), { timeoutDuration: patienceMs })
  } catch (error) {
    throw unreachable(url, error)
  }
}

function refused(error: unknown, issuer: string): Failure {
  // A timeout, an answer that is no set of keys, or none: the token may be good.
  const isRefusal = error instanceof errors.JOSEError && error.code !== errors.JOSEError.code
  if (!isRefusal || error instanceof errors.JWKSTimeout) return unreachable(issuer, error)
  return unidentified('NOT_IDENTIFIED', `The token is not accepted: ${error.message}.`, {}, error)
}

function unreachable(url: string, error: unknown): Failure {
  const why = error instanceof Error ? error.message : String(error)
  const text = `The identity provider cannot be asked at ${url} (${why}): try again, or come with a certificate or a robot's token.`
  return unavailable('NOT_READY', text, { address: url }, error)
}

/** Subjects are whatever the provider likes; what goes into logs and rows is printable and short, and still one subject's alone. */
function nameable(subject: string): string {
  const plain = subject.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 128)
  if (plain === subject) return subject
  return `${plain}~${createHash('sha256').update(subject).digest('hex').slice(0, 16)}`
}
