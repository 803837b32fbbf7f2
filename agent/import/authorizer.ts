import { z } from 'zod'
import { precondition } from '../../lib/failure.ts'
import type { OciPlace } from '../../lib/sources/place.ts'
import { unreadable } from './answers.ts'
import type { Ask } from './asking.ts'
import type { Client } from './client.ts'
import { address } from './naming.ts'

/**
 * What a registry wants to hear: a credential of the agent's owner or none, or a token that another server gives for that
 * (https://distribution.github.io/distribution/spec/auth/token).
 */
export function authorizer(
  place: OciPlace,
  client: Client,
  now: () => Date,
): NonNullable<Ask['authorization']> {
  let server: { readonly url: URL | undefined } | undefined
  let token: Token | undefined
  return async (signal) => {
    server ??= { url: await tokenServer(place, client, signal) }
    if (server.url === undefined) return undefined
    if (token === undefined || token.until <= now().getTime()) {
      const asked = { url: server.url, saidBy: new URL(place.url) }
      token = await tokenOf(asked, client, now, signal)
    }
    return `Bearer ${token.value}`
  }
}

interface Token {
  readonly value: string
  readonly until: number
}

/** Where tokens are to be had, if the registry wants one. */
async function tokenServer(
  { url, repository }: OciPlace,
  client: Client,
  signal: AbortSignal,
): Promise<URL | undefined> {
  const root = new URL(`${address(url, ['v2']).href}/`)
  const { status, headers } = await client.read({ url: root }, signal, [200, 401])
  const challenge = [headers['www-authenticate'] ?? []].flat().join(', ')
  if (status === 200 || !/\bbearer\s/i.test(challenge)) return undefined
  const said = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
  )
  const realm = said.get('realm') ?? ''
  if (!URL.canParse(realm)) throw unreadable(root, 'does not say where its tokens are to be had')
  const server = new URL(realm)
  const service = said.get('service')
  if (service !== undefined) server.searchParams.set('service', service)
  server.searchParams.set('scope', `repository:${repository}:pull`)
  return server
}

const tokenForm = z.object({
  token: z.string().min(1).optional(),
  access_token: z.string().min(1).optional(),
  expires_in: z.number().optional(),
})

/** Asks again a while before the token runs out. */
const earlyMs = 10_000

async function tokenOf(
  server: Ask,
  client: Client,
  now: () => Date,
  signal: AbortSignal,
): Promise<Token> {
  const asked = now().getTime()
  const said = await client.json(tokenForm, server, signal)
  const value = said.token ?? said.access_token
  if (value === undefined || !/^[\x21-\x7e]+$/.test(value)) {
    const { origin } = server.url
    const text = `${origin} gives no token: put credentials for it into --import-credentials`
    throw precondition('SOURCE_REFUSES', text, { address: origin })
  }
  return { value, until: asked + (said.expires_in ?? 60) * 1000 - earlyMs }
}
