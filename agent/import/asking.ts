import { type Dispatcher, request } from 'undici'
import { invalid } from '../../lib/failure.ts'
import { faultOf, type Head, unreadable } from './answers.ts'
import { type Credentials, headerOf } from './credentials.ts'

export interface Ask {
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** What the header `authorization` is to be, where it is no credential of the agent's owner. */
  readonly authorization?: (signal: AbortSignal) => Promise<string | undefined>
  /** Who said that this is to be asked: a credential for another server is not used unless the agent's owner paired the two. */
  readonly saidBy?: URL
}

export interface Answer extends Head {
  readonly body: Dispatcher.ResponseData['body']
}

export interface AskingDeps {
  readonly agent: Dispatcher
  readonly credentials: Credentials
}

const mostRedirects = 8

/** Asks, and follows where that leads. Secrets go to where it was sent first, and to nobody once it was led elsewhere. */
export async function ask(wanted: Ask, deps: AskingDeps, signal: AbortSignal): Promise<Answer> {
  let { url } = wanted
  let secrets = await secretsOf(wanted, deps.credentials, signal)
  for (let hops = 0; hops <= mostRedirects; hops++) {
    checkUrl(url)
    const answer = await asked(url, { ...usual, ...wanted.headers, ...secrets }, deps, signal)
    const next = redirectOf(answer)
    if (next === undefined) return answer
    // A body that nobody reads is nothing to wait for.
    answer.body.on('error', () => undefined).destroy()
    if (next.origin !== url.origin) secrets = {}
    url = next
  }
  throw unreadable(wanted.url, `leads on more than ${mostRedirects} times: correct the address`)
}

type Headers = Readonly<Record<string, string>>

const usual: Headers = { 'accept-encoding': 'identity', 'user-agent': 'merge-image' }

async function secretsOf(
  { url, authorization, saidBy = url }: Ask,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<Headers> {
  const value = await authorization?.(signal)
  if (value !== undefined) return { authorization: value }
  const credential = credentials(url)
  const isMeant = saidBy.origin === url.origin || credential?.for?.includes(saidBy.origin) === true
  return credential === undefined || !isMeant ? {} : Object.fromEntries([headerOf(credential)])
}

/** Throws INVALID_FIELD for what a source is never asked at; addresses are checked when they are connected to. */
export function checkUrl({ protocol, username, password, hostname }: URL): void {
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw invalid('INVALID_FIELD', `A source cannot be asked with ${protocol}//: give https://`)
  }
  if (username !== '' || password !== '') {
    const advice = 'put the user and password into --import-credentials'
    throw invalid('INVALID_FIELD', `The address at ${hostname} has a user in it: ${advice}`)
  }
}

async function asked(
  url: URL,
  headers: Headers,
  { agent }: AskingDeps,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const answer = await request(url, { dispatcher: agent, headers, signal })
    return { url, status: answer.statusCode, headers: answer.headers, body: answer.body }
  } catch (error) {
    signal.throwIfAborted()
    throw faultOf(url, error)
  }
}

function redirectOf({ url, status, headers }: Head): URL | undefined {
  const { location } = headers
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined
  if (URL.canParse(location, url.href)) return new URL(location, url)
  throw unreadable(url, 'leads to what is no address: correct the place')
}
