import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Credential } from '../../../agent/import/credentials.ts'
import { openOrigin } from '../../../agent/import/open.ts'
import type { Item, OriginDeps } from '../../../agent/import/origin.ts'
import { certificateFor } from '../../support/certificate.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { bytesOf, credentialFor, importDeps, named, never } from '../../support/importing.ts'
import { ociLayout } from '../../support/ocilayout.ts'
import { pushWithSkopeo, type Registry, startRegistry } from '../../support/registry.ts'
import { startTokenServer, type TokenServer } from '../../support/tokens.ts'
import { storyWith } from '../../support/tools.ts'

const basic: Credential = { kind: 'basic', user: 'lab1', password: 's3cret' }
const wrong: Credential = { kind: 'basic', user: 'lab1', password: 'guessed' }
const authorization = `Basic ${Buffer.from('lab1:s3cret').toString('base64')}`
const disk = Buffer.from('a disk')

async function pushDisk(registry: Registry): Promise<void> {
  const layer = { mediaType: 'application/x-disk', bytes: disk, title: 'disk.raw' }
  await using layout = await ociLayout([{ layers: [layer] }])
  const flags = ['--preserve-digests', '--dest-creds', 'lab1:s3cret']
  await pushWithSkopeo(`oci:${layout.path}:it`, registry, 'images/debian:13', ...flags)
}

const placeAt = ({ endpoint: url }: Registry) =>
  ({ kind: 'oci', url, repository: 'images/debian' }) as const

async function itemsAt(registry: Registry, deps: Partial<OriginDeps>): Promise<readonly Item[]> {
  await using origin = await openOrigin(placeAt(registry), importDeps(deps))
  return await origin.items(never)
}

const tools = ['docker-registry', 'skopeo', 'openssl']

storyWith('a registry', tools)('a registry that wants a user and password', () => {
  let registry: Registry
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    const { path } = stack.use(await temporaryFolder())
    const file = join(path, 'htpasswd')
    // As `htpasswd -B` writes `s3cret`.
    await writeFile(file, 'lab1:$2b$04$Cwmlvrq4/6mRJEOZtjnT9OT4QajEwdWHuSVITggGnAj3L6EeH9HBu\n')
    registry = stack.use(
      await startRegistry(`auth: { htpasswd: { realm: here, path: '${file}' } }`),
    )
    await pushDisk(registry)
  }, 60_000)
  afterAll(() => stack.disposeAsync())

  test('lets in who has them', async () => {
    const credentials = credentialFor(registry.endpoint, basic)
    await using origin = await openOrigin(placeAt(registry), importDeps({ credentials }))
    expect(await bytesOf(origin, await named(origin, '13/disk.raw'))).toEqual(disk)
  })

  test.each([
    ['none', undefined],
    ['others', wrong],
  ])('and nobody with %s', async (_, credential) => {
    const credentials = () => credential
    await expect(itemsAt(registry, { credentials })).rejects.toMatchObject({
      reason: 'SOURCE_REFUSES',
      message: expect.stringContaining('--import-credentials'),
    })
  })
})

storyWith('a registry', tools)('a registry that wants a token of another server', () => {
  let registry: Registry
  let open: Registry
  let tokens: TokenServer
  let anybody: TokenServer
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    const certificate = await certificateFor('DNS:tokens')
    const { path } = stack.use(await temporaryFolder())
    const bundle = join(path, 'bundle.pem')
    await writeFile(bundle, certificate.cert)
    tokens = stack.use(await startTokenServer(certificate, authorization))
    anybody = stack.use(await startTokenServer(certificate))
    const authOf = ({ endpoint }: TokenServer): string =>
      `auth: { token: { realm: '${endpoint}/token', service: here, issuer: tokens, rootcertbundle: '${bundle}' } }`
    registry = stack.use(await startRegistry(authOf(tokens)))
    open = stack.use(await startRegistry(authOf(anybody)))
    await pushDisk(registry)
    await pushDisk(open)
  }, 60_000)
  afterAll(() => stack.disposeAsync())

  const paired = (): Credential => ({ ...basic, for: [new URL(registry.endpoint).origin] })

  test('gets no token made for itself by a credential that nobody paired with it', async () => {
    const before = tokens.asked.length
    const credentials = credentialFor(tokens.endpoint, basic)
    await expect(itemsAt(registry, { credentials })).rejects.toMatchObject({
      reason: 'SOURCE_REFUSES',
    })
    expect(tokens.asked.slice(before)).toMatchObject([{ authorization: undefined }])
  })

  test('lets in whom that server knows, and asks it once', async () => {
    const before = tokens.asked.length
    const credentials = credentialFor(tokens.endpoint, paired())
    await using origin = await openOrigin(placeAt(registry), importDeps({ credentials }))
    expect(await bytesOf(origin, await named(origin, '13/disk.raw'))).toEqual(disk)
    expect(tokens.asked.slice(before)).toEqual([
      { query: '?service=here&scope=repository%3Aimages%2Fdebian%3Apull', authorization },
    ])
  })

  test('and asks it anew when the token has run out', async () => {
    let now = new Date()
    const before = tokens.asked.length
    const credentials = credentialFor(tokens.endpoint, paired())
    await using origin = await openOrigin(
      placeAt(registry),
      importDeps({ credentials, now: () => now }),
    )
    await origin.items(never)
    now = new Date(now.getTime() + 51_000)
    await origin.items(never)
    expect(tokens.asked.length - before).toBe(2)
  })

  test('lets in everybody where that server does', async () => {
    expect(await itemsAt(open, {})).toMatchObject([{ name: '13/disk.raw' }])
    expect(anybody.asked.at(-1)?.authorization).toBeUndefined()
  })

  test("does not give that server what is the registry's own", async () => {
    const before = tokens.asked.length
    const credentials = credentialFor(registry.endpoint, basic)
    await expect(itemsAt(registry, { credentials })).rejects.toMatchObject({
      reason: 'SOURCE_REFUSES',
      message: expect.stringContaining(new URL(tokens.endpoint).host),
    })
    expect(tokens.asked.slice(before)).toMatchObject([{ authorization: undefined }])
  })
})

describe('a registry whose tokens are inside', () => {
  test('is not followed there', async () => {
    await using registry = await startDoor('Bearer realm="http://127.0.0.2:1/token",service="x"')
    await expect(itemsAt(registry, {})).rejects.toMatchObject({ reason: 'ADDRESS_REFUSED' })
  })

  test('or nowhere is told', async () => {
    await using registry = await startDoor('Bearer service="x"')
    await expect(itemsAt(registry, {})).rejects.toMatchObject({
      message: expect.stringContaining('does not say where its tokens are to be had'),
    })
  })
})

/** A registry that asks for a token, whatever one brings. */
async function startDoor(challenge: string): Promise<Registry> {
  const server = createServer((_request, response) => {
    response.writeHead(401, { 'www-authenticate': challenge }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
