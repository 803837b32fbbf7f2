import type { IncomingHttpHeaders } from 'node:http'
import { errorCode, Failure, missing, precondition, unavailable } from '../../lib/failure.ts'
import { Passing } from './persisting.ts'

export interface Head {
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

/** An address for people: what is behind the question mark may let others in. */
export function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}

/** What an answer means that is none of those that were hoped for. */
export function refusalOf({ url, status, headers }: Head, now: Date): Failure | Passing {
  const address = shown(url)
  const facts = { address }
  const wait = waitOf(headers, now)
  if (status === 429 || (status === 403 && wait !== undefined)) {
    const until = wait === undefined ? '' : ` until ${after(now, wait)}`
    const advice = 'ask less often, or give credentials that may ask more'
    const text = `${address} does not want to be asked again${until}: ${advice}`
    return new Passing(unavailable('NOT_READY', text, facts), wait)
  }
  if (status === 401 || status === 403) {
    const advice = `put credentials for ${url.origin} that may read it into --import-credentials`
    return precondition(
      'SOURCE_REFUSES',
      `${address} lets the agent not in (${status}): ${advice}`,
      facts,
    )
  }
  if (status === 404 || status === 410) {
    const advice = 'correct the place, or give credentials, if only some may see it'
    return missing('SOURCE_GONE', `${address} is not there (${status}): ${advice}`, facts)
  }
  if (status === 408 || status >= 500) {
    const text = `${address} answers with an error of its own (${status}): try again later`
    return new Passing(unavailable('NOT_READY', text, facts), wait)
  }
  return unreadable(url, `answers with status ${status}: check that the place is right`)
}

/** What a request means that got no whole answer. */
export function faultOf(url: URL, error: unknown): unknown {
  if (error instanceof Failure || error instanceof Passing) return error
  const code = errorCode(error) ?? ''
  const where = shown(url)
  const facts = { address: where }
  const fail = (text: string): Failure => unavailable('UNREACHABLE', text, facts, error)
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    const advice = '--import-ca names the certificate of its authority'
    return fail(`${where} has a certificate that is not trusted here (${code}): ${advice}`)
  }
  if (code === 'ENOTFOUND') return fail(`${url.hostname} is not known: correct the address`)
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code.startsWith('HPE_')) {
    return unreadable(url, `does not speak HTTP as it should (${code}): check the address`, error)
  }
  const known = wordsFor(code)
  if (known === undefined) return error
  return new Passing(fail(`${where} ${known}: check it and the network, and try again`))
}

function wordsFor(code: string): string | undefined {
  if (/^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(code)) return 'sends nothing any more'
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE') {
    return `broke the connection (${code})`
  }
  return /^(UND_ERR_CONNECT|UND_ERR_RES|E[A-Z_]+$)/.test(code)
    ? `cannot be reached (${code})`
    : undefined
}

export function unreadable(url: URL, what: string, cause?: unknown): Failure {
  const address = shown(url)
  return precondition('SOURCE_UNREADABLE', `${address} ${what}`, { address }, cause)
}

/** What the answer asks to wait: Retry-After, or when GitHub or GitLab count anew. */
function waitOf(headers: IncomingHttpHeaders, now: Date): number | undefined {
  const retry = headers['retry-after']
  if (retry !== undefined) {
    const seconds = /^\d+$/.test(retry) ? Number(retry) : (Date.parse(retry) - now.getTime()) / 1000
    if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  }
  const left = headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']
  const reset = Number(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset'])
  return left === '0' && reset > 0 ? Math.max(0, reset * 1000 - now.getTime()) : undefined
}

function after(now: Date, ms: number): string {
  const most = 400 * 24 * 3600 * 1000
  return new Date(now.getTime() + Math.min(ms, most)).toISOString()
}
