import { createHash } from 'node:crypto'

/** A secret that somebody shows to be let in, and by which it knows the portal in turn. */
export interface Token {
  readonly kind: 'join' | 'robot'
  /** 32 bytes that nobody can guess. */
  readonly secret: Buffer
  /** The SHA-256 of the certificate (DER) of the portal's authority. */
  readonly pin: Buffer
}

const prefixes = { join: 'mij', robot: 'mir' } as const
const shape = /^(mij|mir)\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/

/** As people copy it: `mij.SECRET.PIN`; scanners for secrets find it by its beginning. */
export function renderToken({ kind, secret, pin }: Token): string {
  return `${prefixes[kind]}.${secret.toString('base64url')}.${pin.toString('base64url')}`
}

/** The token, or undefined if the text is none of ours. */
export function parseToken(text: string): Token | undefined {
  const [, prefix, secret = '', pin = ''] = shape.exec(text) ?? []
  if (prefix === undefined) return undefined
  return {
    kind: prefix === prefixes.join ? 'join' : 'robot',
    secret: Buffer.from(secret, 'base64url'),
    pin: Buffer.from(pin, 'base64url'),
  }
}

/** What is kept of a secret. One of 32 random bytes needs no salt and no slow hash. */
export function hashOfSecret(secret: Buffer): Buffer {
  return createHash('sha256').update(secret).digest()
}
