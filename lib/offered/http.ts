import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Logger } from 'pino'
import { isOver } from '../chunks/abort.ts'
import { type Failure, invalid, errorCode } from '../failure.ts'
import { listenHttp, type Serving } from '../listening.ts'
import { type Answer, answerTo, nothing, refusal } from './answer.ts'
import type { Offering } from './offering.ts'
import { type SendDeps, sendResource } from './sending.ts'

export interface ServingDeps extends Omit<SendDeps, 'open' | 'patienceMs'> {
  readonly offering: Pick<Offering, 'list' | 'open'>
  readonly log: Logger
  readonly patienceMs?: number
}

/** How a server shows who it is; without it, it speaks plain HTTP. */
export interface Shown {
  readonly cert: string
  readonly key: string
}

const mostConnections = 512
/** Files that are sent at once; each takes some 6 MiB. */
const mostSent = 32
const headersMs = 10_000
const idleMs = 30_000
const usualPatienceMs = 60_000

/** Serves what is on offer, to read only and to anybody. */
export async function serveOffering(
  address: string,
  shown: Shown | undefined,
  deps: ServingDeps,
): Promise<Serving> {
  const closing = new AbortController()
  const answer = answering(deps, closing.signal)
  const server = await serverOf(shown)
  server.on('request', (request, response) => void answer(request, response))
  server.maxConnections = mostConnections
  const serving = await listenHttp(server, address)
  return {
    port: serving.port,
    [Symbol.asyncDispose]: () => {
      closing.abort()
      return serving[Symbol.asyncDispose]()
    },
  }
}

async function serverOf(shown: Shown | undefined): Promise<Server> {
  const limits = {
    headersTimeout: headersMs,
    requestTimeout: headersMs,
    connectionsCheckingInterval: headersMs / 2,
    keepAliveTimeout: idleMs,
  }
  if (shown === undefined) return createServer(limits)
  const [cert, key] = await Promise.all([readGiven(shown.cert), readGiven(shown.key)])
  try {
    return createSecureServer({ ...limits, cert, key, minVersion: 'TLSv1.2' })
  } catch (error) {
    throw unusable(`${shown.cert} and ${shown.key} are no certificate with its key`, error)
  }
}

function readGiven(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw unusable(`${path} cannot be read (${errorCode(error) ?? String(error)})`, error)
  })
}

function unusable(why: string, cause: unknown): Failure {
  return invalid('INVALID_FIELD', `${why}: see --offer-cert and --offer-key.`, {}, cause)
}

function answering(deps: ServingDeps, closing: AbortSignal) {
  const { offering, log, patienceMs = usualPatienceMs } = deps
  const sending = { ...deps, patienceMs, open: offering.open }
  let sent = 0

  const answerFor = async ({ method = '', url = '' }: IncomingMessage): Promise<Answer> => {
    const mayRead = method === 'GET' || method === 'HEAD'
    if (!mayRead) return refusal('UNSUPPORTED', { allow: 'GET, HEAD' })
    // No name that is on offer needs to be escaped.
    if (url.split('?', 1)[0]?.includes('%') !== false) return nothing
    const answer = answerTo(url, await offering.list())
    const isSent = answer.kind === 'resource' && method === 'GET'
    return isSent && sent >= mostSent ? refusal('TOOMANYREQUESTS', { 'retry-after': '5' }) : answer
  }

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const over = new AbortController()
    response.once('close', () => {
      over.abort()
    })
    const signal = AbortSignal.any([over.signal, closing])
    response.on('error', () => undefined)
    // What somebody sends along is not read.
    request.resume()
    const { method, url } = request
    try {
      const answer = await answerFor(request).catch((error: unknown) => {
        log.warn({ err: error }, 'what is on offer cannot be listed')
        return refusal('UNAVAILABLE', { 'retry-after': '5' })
      })
      if (answer.kind === 'said') {
        say(answer, request, response)
        return
      }
      sent++
      try {
        await sendResource(request, response, answer.resource, answer.headers, sending, signal)
        if (method === 'GET' && answer.resource.content.kind === 'file')
          log.info({ url, status: response.statusCode }, 'offered')
      } finally {
        sent--
      }
    } catch (error) {
      // A body that ends early is seen by its length; nothing else can be said once it has begun.
      if (!isOver(signal)) log.warn({ url, error: String(error) }, 'an answer was cut short')
      response.destroy()
    }
  }
}

function say(
  { status, body, headers }: Extract<Answer, { readonly kind: 'said' }>,
  { method, httpVersion }: IncomingMessage,
  response: ServerResponse,
): void {
  // Whoever sends something is not waited for.
  const close = method === 'GET' || method === 'HEAD' ? {} : { connection: 'close' }
  const length = { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headers, ...length, ...(httpVersion === '1.0' ? {} : close) })
  response.end(method === 'HEAD' ? undefined : body)
}
