import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as ask,
  type RequestOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'

/** What befalls a request on its way; without one it passes as it is. */
export type Mishap =
  /** It never gets there; the server seems to answer with an S3 error. */
  | { readonly kind: 'answer'; readonly status: number; readonly name: string }
  /** The connection ends in the middle of the request. */
  | { readonly kind: 'cut' }
  /** It gets there, and the connection ends after so many bytes of the answer's body, or before its head. */
  | { readonly kind: 'cutAnswer'; readonly after?: number }
  /** It gets there, and nothing more moves after so many bytes of the answer's body. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Something happens before it gets there. */
  | { readonly kind: 'after'; readonly act: () => Promise<unknown> }
  /** The answer has another header. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  /** It never gets there; the answer leads elsewhere. */
  | { readonly kind: 'redirect'; readonly to: string }
  /** The answer begins as it should, and never ends; it does not say how long it is. */
  | { readonly kind: 'endless' }
  /** One bit of the answer's body is another. */
  | { readonly kind: 'flip' }

export interface Passing {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Counts the requests of the same method and path, from 1. */
  readonly time: number
}

export interface Proxy extends AsyncDisposable {
  readonly endpoint: string
  readonly passed: readonly Passing[]
  /** Counts anew. */
  forget(): void
  /** Connections that are open. */
  sockets(): number
}

/** Stands before an HTTP server and lets things go wrong. */
export async function startProxy(
  target: string,
  mishap: (passing: Passing) => Mishap | undefined,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Proxy> {
  const passed: Passing[] = []
  const sockets = new Set<Socket>()
  const receive = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '' } = request
    const [path = ''] = url.split('?')
    const before = passed.filter((one) => one.method === method && one.path === path)
    const passing = { method, path, headers: request.headers, time: before.length + 1 }
    passed.push(passing)
    void pass(new URL(target), request, response, mishap(passing))
  }
  const server = tls === undefined ? createServer(receive) : createSecureServer(tls, receive)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    passed,
    forget: () => {
      passed.length = 0
    },
    sockets: () => sockets.size,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function pass(
  target: URL,
  request: IncomingMessage,
  response: ServerResponse,
  mishap?: Mishap,
): Promise<void> {
  if (mishap?.kind === 'after') await mishap.act()
  if (mishap?.kind === 'answer') {
    answer(request, response, mishap)
    return
  }
  if (mishap?.kind === 'redirect') {
    response.writeHead(302, { location: mishap.to }).end()
    return
  }
  if (mishap?.kind === 'cut') {
    request.once('data', () => request.socket.destroy()).once('end', () => request.socket.destroy())
    return
  }
  const { method, headers, url: path } = request
  const where: RequestOptions = { host: target.hostname, port: target.port, method, headers, path }
  const onward = ask({ ...where, agent: false })
  onward.on('response', (far) => void giveBack(far, response, mishap))
  onward.on('error', () => request.socket.destroy())
  response.on('close', () => onward.destroy())
  request.pipe(onward)
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, name }: { readonly status: number; readonly name: string },
): void {
  request.resume().on('end', () => {
    const text = `<?xml version="1.0"?><Error><Code>${name}</Code><Message>as asked</Message></Error>`
    response.writeHead(status, { 'content-type': 'application/xml' }).end(text)
  })
}

async function giveBack(
  far: IncomingMessage,
  response: ServerResponse,
  mishap?: Mishap,
): Promise<void> {
  const most = mostOf(mishap)
  const cuts = mishap?.kind === 'cutAnswer'
  if (most === undefined) {
    response.socket?.destroy()
    return
  }
  response.sendDate = false
  response.writeHead(far.statusCode ?? 500, headersOf(far, mishap))
  if (await copy(bodyOf(far, mishap), response, most)) response.end()
  else if (cuts) response.socket?.destroy()
}

function headersOf({ headers }: IncomingMessage, mishap?: Mishap): IncomingHttpHeaders {
  if (mishap?.kind === 'header') return { ...headers, [mishap.name]: mishap.value }
  const { 'content-length': _length, ...others } = headers
  return mishap?.kind === 'endless' ? others : headers
}

function bodyOf(far: IncomingMessage, mishap?: Mishap): AsyncIterable<Buffer> {
  if (mishap?.kind === 'flip') return flipped(far)
  return mishap?.kind === 'endless' ? endless(far) : far
}

async function* flipped(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isDone = false
  for await (const piece of body) {
    const copy = Buffer.from(piece)
    if (!isDone) copy.writeUInt8(copy.readUInt8(0) ^ 1)
    isDone = true
    yield copy
  }
}

async function* endless(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* body
  for (;;) yield Buffer.alloc(64 * 1024)
}

/** How many bytes of the answer's body pass; nothing if not even its head does. */
function mostOf(mishap?: Mishap): number | undefined {
  return mishap?.kind === 'cutAnswer' || mishap?.kind === 'stall' ? mishap.after : Infinity
}

/** Passes on so many bytes at most; whether that was all. */
async function copy(
  far: AsyncIterable<Buffer>,
  response: ServerResponse,
  most: number,
): Promise<boolean> {
  const closed = once(response, 'close').catch(() => undefined)
  const isOver = (): boolean => response.destroyed
  let sent = 0
  for await (const piece of far) {
    if (isOver()) return false
    const part = piece.subarray(0, most - sent)
    sent += part.length
    if (!response.write(part) && !response.destroyed) {
      await Promise.race([new Promise((resolve) => response.once('drain', resolve)), closed])
    }
    if (sent >= most) return false
  }
  return true
}
