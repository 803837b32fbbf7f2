import { randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Certificate } from './certificate.ts'

export interface TokenServer extends AsyncDisposable {
  readonly endpoint: string
  /** What it was asked, and with which credential. */
  readonly asked: readonly { readonly query: string; readonly authorization: string | undefined }[]
}

/** Gives tokens as docker-registry believes them, to whoever has this credential; to everybody if there is none. */
export async function startTokenServer(
  { key, cert }: Certificate,
  authorization?: string,
): Promise<TokenServer> {
  const asked: { query: string; authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    const { searchParams, search } = new URL(request.url ?? '', 'http://tokens')
    asked.push({ query: search, authorization: request.headers.authorization })
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      response.writeHead(401).end()
      return
    }
    const [type = '', name = '', actions = ''] = (searchParams.get('scope') ?? '').split(':')
    const access = [{ type, name, actions: actions.split(',') }]
    const token = tokenOf(key, cert, searchParams.get('service') ?? '', access)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ token, expires_in: 60 }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function tokenOf(key: string, cert: string, audience: string, access: unknown): string {
  const x5c = [cert.replaceAll(/-----[^-]+-----|\s/g, '')]
  const now = Math.floor(Date.now() / 1000)
  const times = { iat: now, nbf: now - 10, exp: now + 60 }
  const claims = {
    iss: 'tokens',
    sub: 'facility',
    aud: audience,
    jti: randomUUID(),
    access,
    ...times,
  }
  const parts = [{ typ: 'JWT', alg: 'ES256', x5c }, claims]
  const text = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
