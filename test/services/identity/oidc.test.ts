import '../../support/realm.ts'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateKeyPair, UnsecuredJWT } from 'jose'
import { ListImagesRequest } from '../../../proto/gen/merge/image/v1/image.ts'
import { openOidc } from '../../../services/identity/oidc.ts'
import { connect } from '../../../lib/rpc/connect.ts'
import { openWithToken } from '../../../lib/rpc/security.ts'
import { AccessServiceService } from '../../../proto/gen/merge/image/v1/access.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { identityProvider } from '../../support/provider.ts'
import { securedPortal, type SecuredPortal } from '../../support/secured.ts'

let provider: Awaited<ReturnType<typeof identityProvider>>
let portal: SecuredPortal

beforeAll(async () => {
  provider = await identityProvider()
  const settings = ['--oidc-issuer', provider.issuer, '--oidc-audience', 'merge']
  portal = await securedPortal(undefined, settings)
  await makeFacilities(portal.admin, 'lab1')
})

afterAll(async () => {
  await portal[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

async function grant(role: string, claim: string, value: string): Promise<void> {
  await portal.admin.access.grantRole({ requestId: randomUUID(), role, claim, value })
}

async function whoIs(claims: Parameters<typeof provider.token>[0], ...rest: [string?]) {
  return portal.withToken(await provider.token(claims, ...rest)).access.whoAmI({})
}

describe('whoever comes with a token of the identity provider', () => {
  test('is known, and is nothing until a role is given for what the token says', async () => {
    const said = { email: 'alice@example.org', email_verified: true }
    const clients = portal.withToken(await provider.token(said))
    await expect(clients.access.whoAmI({})).resolves.toMatchObject({ name: 'oidc:alice', role: '' })
    const list = () => clients.images.listImages(ListImagesRequest.create())
    await expect(list()).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
    await grant('experimenter', 'email', 'alice@example.org')
    await expect(list()).resolves.toMatchObject({ images: [] })
    const asked = { claim: 'email', value: 'alice@example.org', role: 'experimenter' }
    await portal.admin.access.revokeRole({ requestId: randomUUID(), ...asked })
    await expect(list()).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
  })

  test('has no role by an address that nobody verified', async () => {
    await grant('admin', 'email', 'root@example.org')
    await expect(whoIs({ email: 'root@example.org' })).resolves.toMatchObject({ role: '' })
    await expect(whoIs({ email: 'root@example.org', email_verified: true })).resolves.toMatchObject(
      { role: 'admin' },
    )
  })

  test('has a name of its own, however its subject is written', async () => {
    const names = await Promise.all(['a b', 'a?b', 'a\tb'].map((sub) => whoIs({ sub })))
    expect(new Set(names.map(({ name }) => name)).size).toBe(3)
  })

  test('has the greatest of its roles, or the one that it asks for', async () => {
    await grant('experimenter', 'groups', 'users')
    await grant('manager:lab1', 'groups', 'lab1-staff')
    const claims = { sub: 'bob', groups: ['users', 'lab1-staff'] }
    await expect(whoIs(claims)).resolves.toMatchObject({
      ...{ role: 'manager:lab1', roles: ['manager:lab1', 'experimenter'] },
    })
    const { address, authority } = portal
    const as = async (role: string) => {
      const token = await provider.token(claims)
      using channel = openWithToken(address, { authority, token })
      channel.metadata.set('merge-as', role)
      return await connect(AccessServiceService, channel).whoAmI({})
    }
    await expect(as('experimenter')).resolves.toMatchObject({ role: 'experimenter' })
    await expect(as('admin')).rejects.toMatchObject({
      reason: 'NOT_ALLOWED',
      message: expect.stringContaining('it may be manager:lab1, experimenter'),
    })
  })

  test('may be a pipeline, by its project', async () => {
    await grant('producer', 'project_path', 'images/debian')
    await expect(
      whoIs({ sub: 'project_path:images/debian:ref:main', project_path: 'images/debian' }),
    ).resolves.toMatchObject({ role: 'producer' })
    await expect(whoIs({ sub: 'x', project_path: 'images/debian2' })).resolves.toMatchObject({
      role: '',
    })
  })

  test('is known when the provider signs with a new key', async () => {
    await provider.addKey('second')
    const { issuer } = provider
    const settings = { issuer, audience: 'merge', algorithms: ['ES256'] }
    const oidc = openOidc(settings, () => new Date())
    await provider.token({}, 'second').then(oidc.verify)
  })
})

const second = () => Math.floor(Date.now() / 1000)
const wrong: readonly (readonly [string, () => Promise<string>])[] = [
  ['for another audience', () => provider.token({ aud: 'elsewhere' })],
  ['of another issuer', () => provider.token({ iss: 'https://other.example' })],
  ['that ran out', () => provider.token({ iat: second() - 900, exp: second() - 60 })],
  ['that is not valid yet', () => provider.token({ nbf: second() + 300 })],
  ['without an end', () => provider.token({ exp: undefined } as never)],
  ['without a subject', () => provider.token({ sub: undefined } as never)],
  [
    'that another key signed',
    async () => provider.token({}, 'first', (await generateKeyPair('ES256')).privateKey),
  ],
  [
    'that nobody signed',
    async () => {
      const claims = { iss: provider.issuer, aud: 'merge', sub: 'alice', exp: second() + 300 }
      return Promise.resolve(new UnsecuredJWT(claims).encode())
    },
  ],
  [
    'that was changed afterwards',
    async () => {
      const [head = '', , signature = ''] = (await provider.token({})).split('.')
      const claims = { iss: provider.issuer, aud: 'merge', sub: 'root', exp: second() + 300 }
      return [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
    },
  ],
]

test.each(wrong)('a token %s is refused', async (_, make) => {
  const clients = portal.withToken(await make())
  await expect(clients.access.whoAmI({})).rejects.toMatchObject({ reason: 'NOT_IDENTIFIED' })
})

test('a provider that cannot be asked is no reason to refuse for ever', async () => {
  const gone = { issuer: 'http://127.0.0.1:9', audience: 'merge', algorithms: ['ES256'] }
  const oidc = openOidc(gone, () => new Date())
  await expect(oidc.verify(await provider.token({}))).rejects.toMatchObject({
    kind: 'unavailable',
    reason: 'NOT_READY',
  })
})

test.each([
  ['a claim without a name', '', 'x', 'producer', 'INVALID_FIELD'],
  ['a claim with a blank', 'a b', 'x', 'producer', 'INVALID_FIELD'],
  ['no value', 'sub', '', 'producer', 'INVALID_FIELD'],
  ['a value with a line feed', 'sub', 'a\nb', 'producer', 'INVALID_FIELD'],
  ['a role that is none', 'sub', 'x', 'agent:lab1', 'INVALID_FIELD'],
  ['a facility that is not there', 'sub', 'x', 'manager:lab9', 'FACILITY_NOT_FOUND'],
])('no role is given for %s', async (_, claim, value, role, reason) => {
  await expect(
    portal.admin.access.grantRole({ requestId: randomUUID(), claim, value, role }),
  ).rejects.toMatchObject({ reason })
})

test('a role that was not given cannot be taken away', async () => {
  const asked = { requestId: randomUUID(), claim: 'sub', value: 'nobody', role: 'admin' }
  await expect(portal.admin.access.revokeRole(asked)).rejects.toMatchObject({
    reason: 'GRANT_NOT_FOUND',
  })
})
