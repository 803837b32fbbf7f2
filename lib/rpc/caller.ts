import type { PeerCertificate } from 'node:tls'
import type { Metadata } from '@grpc/grpc-js'
import { unidentified } from '../failure.ts'

/** What a caller may be; the access tables say what each may do. */
export type Role =
  | { readonly kind: 'portal' }
  | { readonly kind: 'admin' }
  | { readonly kind: 'producer' }
  | { readonly kind: 'experimenter' }
  | { readonly kind: 'manager'; readonly facility: string }
  | { readonly kind: 'agent'; readonly facility: string }
  /** Who has a token to join with, and may do nothing else. */
  | { readonly kind: 'joiner'; readonly facility: string }
  /** Who is known, and was given no role. */
  | { readonly kind: 'guest' }

/** Who calls. */
export interface Caller {
  readonly name: string
  readonly role: Role
  /** From where, `10.0.0.7:41234`, where a server knows it. */
  readonly peer?: string
  /** What it showed, where that runs out or can be revoked. */
  readonly credential?: Credential
  /** What it may be, where it may be several; the first is what it is if it does not say. */
  readonly roles?: readonly string[]
}

export interface Credential {
  /** `certificate:SERIAL`, `robot:TOKEN`, `join:TOKEN`, `oidc:SUBJECT`. */
  readonly id: string
  readonly expires: Date
  /** Whether it still counts, where that can end before it runs out. */
  readonly holds?: () => boolean
}

/** Finds out who calls, by the headers and the verified certificate, or throws NOT_IDENTIFIED. */
export type Identify = (
  metadata: Metadata,
  certificate: () => PeerCertificate | undefined,
) => Caller | Promise<Caller>

export const callerHeader = 'merge-dev-caller'

/**
 * The development mode: a caller is whoever it says it is, `admin` when it says nothing. Only for servers that listen on
 * this machine alone.
 */
export const identifyInsecurely = (metadata: Pick<Metadata, 'get'>): Caller => {
  const said = metadata.get(callerHeader)[0]
  return parseCaller(said === undefined ? 'admin' : said.toString())
}

const shape =
  /^(portal|admin|producer|experimenter|guest|manager|agent|joiner)(?::([a-z0-9-]{1,64}))?$/

/** Reads a caller as it is written, `admin:alice` say, or throws NOT_IDENTIFIED. */
export function parseCaller(text: string): Caller {
  const caller = callerOf(text)
  if (caller !== undefined) return caller
  throw unidentified(
    'NOT_IDENTIFIED',
    `"${text}" is no caller: send ${callerHeader} as admin, producer, experimenter, manager:FACILITY or agent:FACILITY`,
  )
}

function callerOf(text: string): Caller | undefined {
  const [, kind = '', who] = shape.exec(text) ?? []
  if (isNamed(kind)) return { name: who === undefined ? kind : `${kind}:${who}`, role: { kind } }
  if (isLocal(kind) && who !== undefined) {
    return { name: `${kind}:${who}`, role: { kind, facility: who } }
  }
  return kind === 'portal' && who === undefined ? { name: kind, role: { kind } } : undefined
}

function isNamed(kind: string): kind is 'admin' | 'producer' | 'experimenter' | 'guest' {
  return ['admin', 'producer', 'experimenter', 'guest'].includes(kind)
}

/** Whether who is that is it at a facility. */
function isLocal(kind: string): kind is 'manager' | 'agent' | 'joiner' {
  return ['manager', 'agent', 'joiner'].includes(kind)
}
