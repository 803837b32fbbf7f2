import { createHash } from 'node:crypto'
import { canonical } from './canonical.ts'

const mostBytes = 16 * 1024
/** So much of a request that is too long is kept: in UTF-8 and as JSON it stays under the limit, whatever it holds. */
const keptCharacters = 4000

/** A request as the log keeps it: canonical JSON without what is empty, without bytes and without secrets. */
export function whatWasSaid(request: unknown): string {
  if (typeof request !== 'object' || request === null) return ''
  const text = canonical(told('', request) ?? {})
  const bytes = Buffer.byteLength(text)
  if (bytes <= mostBytes) return text
  const sha256 = createHash('sha256').update(text).digest('hex')
  return canonical({ bytes, cut: text.slice(0, keptCharacters).toWellFormed(), sha256 })
}

/** What gives its holder a right. */
const secret = /secret|password|passphrase|credential|token|privatekey|key$|^holding$/i
/** So does a claim, which is a UUID: whoever knows one speaks for the builder. One of an identity provider is a word. */
const builders = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function isSecret(name: string, value: unknown): boolean {
  return secret.test(name) || (name === 'claim' && builders.test(String(value)))
}

function told(name: string, value: unknown): unknown {
  if (value instanceof Uint8Array || isSecret(name, value)) return undefined
  if (value instanceof Date) return value
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((item) => told('', item) ?? null)
  }
  if (typeof value === 'object' && value !== null) return fieldsOf(value)
  return value === '' || value === 0 || value === 0n || value === false ? undefined : value
}

function fieldsOf(message: object): unknown {
  // One field of several, as ts-proto has it.
  if ('$case' in message && 'value' in message && typeof message.$case === 'string') {
    return { [message.$case]: told(message.$case, message.value) ?? null }
  }
  const fields = Object.entries(message).map(([name, item]) => [name, told(name, item)] as const)
  return Object.fromEntries(fields.filter(([, item]) => item !== undefined))
}
