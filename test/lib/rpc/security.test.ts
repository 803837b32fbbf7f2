import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { chunkPlane } from '../../../lib/chunks/plane.ts'
import { readCertified } from '../../../lib/rpc/certified.ts'
import { connect } from '../../../lib/rpc/connect.ts'
import { certifiedBy, openSecurity, type Security } from '../../../lib/rpc/security.ts'
import { renewable } from '../../../lib/rpc/shown.ts'
import { hoursAround, makeAuthority, type Authority } from '../../support/authority.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { recorder } from '../../support/log.ts'
import { nothing, served, type Served } from '../../support/rpc.ts'

let folder: Folder
let other: Folder
let authority: Authority

beforeAll(async () => {
  folder = await temporaryFolder()
  other = await temporaryFolder()
  authority = await makeAuthority(folder.path, hoursAround(new Date(), 24))
})

afterAll(async () => {
  await folder[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

async function securityOf(path: string, by = authority, domain = 'merge.test'): Promise<Security> {
  const files = await by.issue(`spiffe://${domain}/${path}`)
  return certifiedBy(renewable(await readCertified(files, new Date())), () => new Date())
}

describe('with certificates', () => {
  let server: Served
  let callers: string[]

  beforeAll(async () => {
    callers = []
    server = await served(
      {
        findMissing: (_, { caller }) => {
          callers.push(caller.name)
          return Promise.resolve({ digests: Buffer.alloc(0) })
        },
      },
      { security: await securityOf('portal') },
    )
  })

  afterAll(async () => {
    await server[Symbol.asyncDispose]()
  })

  const call = async (security: Security, peer = 'portal'): Promise<unknown> => {
    using channel = security.open(server.address, peer)
    return await connect(chunkPlane, channel).findMissing(nothing, { deadlineMs: 2000 })
  }

  test('a server knows who calls by the certificate, whatever the headers say', async () => {
    await call(await securityOf('agent/lab1'))
    await call(await securityOf('admin/alice'))
    expect(callers).toEqual(['agent:lab1', 'admin:alice'])
  })

  test('a client talks to nobody but whom it looks for', async () => {
    await expect(call(await securityOf('agent/lab1'), 'agent:lab2')).rejects.toMatchObject({
      reason: 'UNREACHABLE',
      message: expect.stringContaining('it is portal, and agent:lab2 was looked for'),
    })
  })

  test('neither side takes the word of another authority', async () => {
    const stranger = await securityOf(
      'admin/alice',
      await makeAuthority(other.path, hoursAround(new Date(), 24)),
    )
    await expect(call(stranger)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
  })

  test('a caller of another trust domain, or without an identity, is nobody', async () => {
    const foreign = await securityOf('portal', authority, 'merge.other')
    await expect(call(foreign)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
    const named = await authority.issue('spiffe://merge.test/agent/lab1')
    const certified = { ...(await readCertified(named, new Date())) }
    const nameless = await authority.issue('https://lab1.test')
    await expect(readCertified(nameless, new Date())).rejects.toMatchObject({
      reason: 'NOT_IDENTIFIED',
    })
    expect(certified.name).toBe('agent:lab1')
  })

  test('nobody gets in without TLS', async () => {
    await expect(server.client.findMissing(nothing, { deadlineMs: 2000 })).rejects.toMatchObject({
      reason: 'UNREACHABLE',
    })
  })
})

describe('the settings', () => {
  const { log } = recorder()
  const open = (settings: Parameters<typeof openSecurity>[0], self = 'portal') =>
    openSecurity(settings, self, { log, now: () => new Date() })

  test('give all three files, or the development mode, and not both', async () => {
    const files = await authority.issue('spiffe://merge.test/portal')
    await expect(open({ insecureDev: false })).rejects.toThrow('Give --tls-cert')
    await expect(open({ insecureDev: false, tlsKey: files.tlsKey })).rejects.toThrow('all three')
    await expect(open({ insecureDev: true, ...files })).rejects.toThrow('not both')
    await expect(open({ insecureDev: false, ...files })).resolves.toBeDefined()
  })

  test('have a certificate of who this is', async () => {
    const files = await authority.issue('spiffe://merge.test/agent/lab2')
    await expect(open({ insecureDev: false, ...files }, 'agent:lab1')).rejects.toThrow(
      'is for agent:lab2, and this is agent:lab1',
    )
  })
})
