import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'

/** An identity provider of OpenID Connect on this machine: its configuration, its keys, and tokens that it signs. */
export async function identityProvider() {
  const pairs = new Map<string, Awaited<ReturnType<typeof generateKeyPair>>>()
  const addKey = async (kid: string) => {
    pairs.set(kid, await generateKeyPair('ES256', { extractable: true }))
  }
  await addKey('first')
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    const answer = async (): Promise<unknown> => {
      if (request.url?.endsWith('/openid-configuration') === true) {
        return { issuer, jwks_uri: `${issuer}/keys` }
      }
      const keys = [...pairs].map(async ([kid, { publicKey }]) => ({
        ...(await exportJWK(publicKey)),
        ...{ kid, alg: 'ES256', use: 'sig' },
      }))
      return { keys: await Promise.all(keys) }
    }
    void answer().then((said) => response.end(JSON.stringify(said)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    addKey,
    asked: () => asked,
    /** A token with these claims; what is not said is as it should be. */
    async token(claims: JWTPayload, kid = 'first', key = pairs.get(kid)?.privateKey) {
      const now = Math.floor(Date.now() / 1000)
      const all = { iss: issuer, aud: 'merge', sub: 'alice', iat: now, exp: now + 300, ...claims }
      if (key === undefined) throw new Error(`no key ${kid}`)
      return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid }).sign(key)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
