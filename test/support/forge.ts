import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An answer of an API: a list in pages, a thing, or bytes. */
export type Reply =
  | { readonly kind: 'list'; readonly list: readonly unknown[]; readonly within?: string }
  | { readonly kind: 'json'; readonly json: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string
    }

export interface Forge extends AsyncDisposable {
  readonly endpoint: string
  /** What was asked, with the query. */
  readonly asked: readonly string[]
  /** Bytes of files that were sent. */
  sentBytes(): number
}

/** Pages are short, as every list has several then. */
const mostOnPage = 2

/** A server of code, which answers in the way that GitLab and GitHub say they do. */
export async function startForge(
  answer: (path: string, request: IncomingMessage, query: URLSearchParams) => Reply,
): Promise<Forge> {
  const asked: string[] = []
  let sent = 0
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host ?? ''}`)
    asked.push(`${url.pathname}${url.search}`)
    const reply = answer(url.pathname, request, url.searchParams)
    switch (reply.kind) {
      case 'list':
        sendPage(reply, url, response)
        return
      case 'json':
        sendJson(reply.json, response)
        return
      case 'bytes':
        sent += sendBytes(reply.bytes, request, response)
        return
      case 'status':
        response.writeHead(reply.status, reply.headers ?? {}).end(reply.body ?? '{"message":"no"}')
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    sentBytes: () => sent,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function sendPage(
  { list, within }: { readonly list: readonly unknown[]; readonly within?: string },
  url: URL,
  response: ServerResponse,
): void {
  const size = Math.min(mostOnPage, Number(url.searchParams.get('per_page') ?? 30))
  const page = Number(url.searchParams.get('page') ?? 1)
  const pages = Math.max(1, Math.ceil(list.length / size))
  const at = (number: number, rel: string): string => {
    const other = new URL(url)
    other.searchParams.set('page', String(number))
    return `<${other.href}>; rel="${rel}"`
  }
  const links = [
    ...(page > 1 ? [at(page - 1, 'prev')] : []),
    ...(page < pages ? [at(page + 1, 'next')] : []),
    ...[at(1, 'first'), at(pages, 'last')],
  ]
  response.setHeader('link', links.join(', '))
  const some = list.slice((page - 1) * size, page * size)
  sendJson(within === undefined ? some : { total_count: list.length, [within]: some }, response)
}

function sendJson(json: unknown, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json))
}

/** Whole or a range of them, as object storage does. */
function sendBytes(bytes: Buffer, request: IncomingMessage, response: ServerResponse): number {
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  if (from === '') {
    response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes)
    return bytes.length
  }
  const end = Math.min(to === '' ? Infinity : Number(to) + 1, bytes.length)
  const part = bytes.subarray(Number(from), end)
  response.writeHead(206, {
    ...{ etag, 'content-length': part.length },
    'content-range': `bytes ${from}-${end - 1}/${bytes.length}`,
  })
  response.end(part)
  return part.length
}

/** Where a forge keeps its files: it takes no token from anybody, and answers only with what it signed itself. */
export async function startStorage(bytes: () => Buffer): Promise<Forge> {
  return startForge((_path, { headers }, query) => {
    const secrets = [headers.authorization, headers['private-token'], headers.cookie]
    if (secrets.some((secret) => secret !== undefined)) return { kind: 'status', status: 400 }
    if (query.get('signature') !== 'good') return { kind: 'status', status: 403 }
    return { kind: 'bytes', bytes: bytes() }
  })
}
