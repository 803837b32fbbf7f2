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

/** Who calls. */
export interface Caller {
  readonly name: string
  readonly role: Role
  /** From where, `10.0.0.7:41234`, where a server knows it. */
  readonly peer?: string
}

/** Finds out who calls, by the headers and the verified certificate, or throws NOT_IDENTIFIED. */
export type Identify = (
  metadata: Metadata,
  certificate: () => PeerCertificate | undefined,
) => Caller

export const callerHeader = 'merge-dev-caller'

/**
 * The development mode: a caller is whoever it says it is, `admin` when it says nothing. Only for servers that listen on
 * this machine alone.
 */
export const identifyInsecurely = (metadata: Metadata): Caller => {
  const said = metadata.get(callerHeader)[0]
  return parseCaller(said === undefined ? 'admin' : said.toString())
}

const shape = /^(portal|admin|producer|experimenter|manager|agent)(?::([a-z0-9-]{1,64}))?$/

/** Reads a caller as it is written, `admin:alice` say, or throws NOT_IDENTIFIED. */
export function parseCaller(text: string): Caller {
  const [, kind, who] = shape.exec(text) ?? []
  switch (kind) {
    case 'admin':
    case 'producer':
    case 'experimenter':
      return { name: who === undefined ? kind : `${kind}:${who}`, role: { kind } }
    case 'manager':
    case 'agent':
      if (who !== undefined) return { name: `${kind}:${who}`, role: { kind, facility: who } }
      break
    case 'portal':
      if (who === undefined) return { name: kind, role: { kind } }
      break
    case undefined:
  }
  throw unidentified(
    'NOT_IDENTIFIED',
    `"${text}" is no caller: send ${callerHeader} as admin, producer, experimenter, manager:FACILITY or agent:FACILITY`,
  )
}
