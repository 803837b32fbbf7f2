import '../../support/realm.ts'
import { randomUUID, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeRequest } from '../../../lib/identity/request.ts'
import { ListImagesRequest } from '../../../proto/gen/merge/image/v1/image.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { securedPortal, shownBy, type SecuredPortal } from '../../support/secured.ts'

let portal: SecuredPortal
let time = new Date()
const page = { pageSize: 0, pageToken: '' }
const day = 24 * 60 * 60 * 1000

beforeAll(async () => {
  portal = await securedPortal(() => time)
  await makeFacilities(portal.admin, 'lab1', 'lab2')
})

afterAll(() => portal[Symbol.asyncDispose]())

async function robot(name: string, role: string, days = 0, by = portal.admin) {
  const { token } = await by.access.createRobot({ requestId: randomUUID(), name, role, days })
  return { token, clients: portal.withToken(token) }
}

const nobody = { reason: 'NOT_IDENTIFIED' }

describe('a robot', () => {
  test('is what its role says, by its token', async () => {
    const { clients } = await robot('nightly', 'producer')
    await expect(clients.access.whoAmI({})).resolves.toMatchObject({
      ...{ name: 'robot:nightly', role: 'producer', roles: ['producer'] },
    })
    await expect(clients.access.listGrants(page)).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
  })

  test('has one token: a new one takes the place of the one before', async () => {
    const { clients } = await robot('rotated', 'experimenter')
    const asked = { requestId: randomUUID(), name: 'rotated', days: 0 }
    const { token } = await portal.admin.access.rotateRobot(asked)
    await expect(clients.access.whoAmI({})).rejects.toMatchObject(nobody)
    const renewed = portal.withToken(token)
    await expect(renewed.access.whoAmI({})).resolves.toMatchObject({ name: 'robot:rotated' })
    await expect(portal.admin.access.rotateRobot(asked)).resolves.toMatchObject({ token })
  })

  test('is nobody once it is deleted, and what it watches ends', async () => {
    const { clients } = await robot('deleted', 'experimenter')
    const watched = clients.audit.watchEvents({ filter: undefined, afterSequence: 0n })
    await expect(watched[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      reason: 'NOT_ALLOWED',
    })
    const admin = (await robot('watcher', 'admin')).clients
    const events = admin.audit.watchEvents({ filter: undefined, afterSequence: 0n })
    const all = (async () => {
      for await (const _ of events);
    })()
    all.catch(() => undefined)
    for (const name of ['deleted', 'watcher']) {
      await portal.admin.access.deleteRobot({ requestId: randomUUID(), name })
    }
    await expect(clients.access.whoAmI({})).rejects.toMatchObject(nobody)
    await expect(all).rejects.toMatchObject({ reason: 'CREDENTIAL_REVOKED' })
  })

  test('is nobody once its days are over', async () => {
    const { clients } = await robot('brief', 'experimenter', 1)
    const before = time
    time = new Date(before.getTime() + day)
    await expect(clients.access.whoAmI({})).rejects.toMatchObject({
      ...nobody,
      message: expect.stringContaining('rotate robot brief'),
    })
    time = before
  })

  test('of a facility is its manager’s to make and take away; of others it sees nothing', async () => {
    const { clients: manager } = await robot('lab1-desk', 'manager:lab1')
    await robot('lab1-night', 'manager:lab1', 0, manager)
    await robot('lab2-desk', 'manager:lab2')
    const { robots } = await manager.access.listRobots(page)
    expect(robots.map(({ name }) => name)).toEqual(['lab1-desk', 'lab1-night'])
    await expect(robot('lab2-night', 'manager:lab2', 0, manager)).rejects.toMatchObject({
      reason: 'NOT_ALLOWED',
    })
    await expect(
      manager.access.deleteRobot({ requestId: randomUUID(), name: 'lab2-desk' }),
    ).rejects.toMatchObject({ reason: 'ROBOT_NOT_FOUND' })
  })

  test.each([
    ['a name with a space', 'a b', 'producer', 0, 'INVALID_NAME'],
    ['a name that ends in a hyphen', 'a-', 'producer', 0, 'INVALID_NAME'],
    ['no name', '', 'producer', 0, 'INVALID_NAME'],
    ['a role that is none', 'x', 'root', 0, 'INVALID_FIELD'],
    ['the role of an agent', 'x', 'agent:lab1', 0, 'INVALID_FIELD'],
    ['the role of the portal', 'x', 'portal', 0, 'INVALID_FIELD'],
    ['a manager of nothing', 'x', 'manager', 0, 'INVALID_FIELD'],
    ['a manager of a facility that is not there', 'x', 'manager:lab9', 0, 'FACILITY_NOT_FOUND'],
    ['too many days', 'x', 'producer', 401, 'INVALID_FIELD'],
    ['a name that is taken', 'first-admin', 'producer', 0, 'ROBOT_EXISTS'],
  ])('with %s is refused', async (_, name, role, days, reason) => {
    await expect(robot(name, role, days)).rejects.toMatchObject({ reason })
  })
})

describe('a certificate', () => {
  test('that is revoked is refused from that moment, on connections of before too, and streams end', async () => {
    const agent = portal.withCertificate(await portal.joined('lab2'))
    const told: unknown[] = []
    const watching = (async () => {
      for await (const state of agent.agents.watchDesiredState({ facility: 'lab2' })) {
        told.push(state)
      }
    })()
    watching.catch(() => undefined)
    await agent.access.whoAmI({})
    const asked = { requestId: randomUUID(), serial: '', facility: 'lab2', reason: 'sold' }
    const { certificates } = await portal.admin.access.revokeCertificate(asked)
    expect(certificates.map(({ name, reason }) => [name, reason])).toEqual([['agent:lab2', 'sold']])
    const revoked = { reason: 'CREDENTIAL_REVOKED' }
    await expect(agent.access.whoAmI({})).rejects.toMatchObject(revoked)
    await expect(watching).rejects.toMatchObject(revoked)
  })

  test('that is revoked is told to other agents, until it would have run out', async () => {
    const agent = portal.withCertificate(await portal.joined('lab1'))
    await portal.joined('lab2')
    const found = await portal.admin.access.listCertificates({ ...page, facility: 'lab2' })
    const [{ serial } = { serial: '' }] = found.certificates
    const asked = { requestId: randomUUID(), serial, facility: '', reason: '' }
    await portal.admin.access.revokeCertificate(asked)
    for await (const { revokedSerials } of agent.agents.watchDesiredState({ facility: 'lab1' })) {
      if (revokedSerials.includes(serial)) break
    }
  })

  test('of a facility lets it join again with a new token, and the tokens of before count no more', async () => {
    const old = { requestId: randomUUID(), facility: 'lab2' }
    const { token } = await portal.admin.facilities.createJoinToken(old)
    const asked = { requestId: randomUUID(), serial: '', facility: 'lab2', reason: '' }
    await portal.admin.access.revokeCertificate(asked)
    const joiner = portal.withToken(token)
    const certificateRequest = Buffer.alloc(1)
    await expect(
      joiner.agents.enroll({ requestId: randomUUID(), certificateRequest }),
    ).rejects.toMatchObject(nobody)
    const again = portal.withCertificate(await portal.joined('lab2'))
    await expect(again.access.whoAmI({})).resolves.toMatchObject({ name: 'agent:lab2' })
  })

  test.each([
    ['nothing', '', '', '', 'INVALID_FIELD'],
    ['a number that is none, of a facility', 'xyz', 'lab1', '', 'CERTIFICATE_NOT_FOUND'],
    ['a serial number that was never given', '11', '', '', 'CERTIFICATE_NOT_FOUND'],
    ['a facility that is not there', '', 'lab9', '', 'FACILITY_NOT_FOUND'],
    ['a reason that is too long', '', 'lab1', 'x'.repeat(501), 'INVALID_FIELD'],
  ])('is not revoked by naming %s', async (_, serial, facility, said, reason) => {
    const asked = { requestId: randomUUID(), serial, facility, reason: said }
    await expect(portal.admin.access.revokeCertificate(asked)).rejects.toMatchObject({ reason })
  })

  test('of the portal itself is not revoked', async () => {
    const found = await portal.admin.access.listCertificates({ ...page, facility: '' })
    const serial = found.certificates.find(({ name }) => name === 'portal')?.serial ?? ''
    const asked = { requestId: randomUUID(), serial, facility: '', reason: '' }
    await expect(portal.admin.access.revokeCertificate(asked)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    })
  })

  test('list goes on page by page, the newest first', async () => {
    for (let i = 0; i < 3; i++) await portal.joined('lab1')
    const all = await portal.admin.access.listCertificates({ ...page, facility: '' })
    const serials: string[] = []
    let pageToken = ''
    do {
      const asked = { pageSize: 2, pageToken, facility: '' }
      const part = await portal.admin.access.listCertificates(asked)
      serials.push(...part.certificates.map(({ serial }) => serial))
      pageToken = part.nextPageToken
    } while (pageToken !== '')
    expect(serials).toEqual(all.certificates.map(({ serial }) => serial))
  })
})

describe('the first admin', () => {
  test('is whoever can read the portal’s folder, and no other is made while it counts', async () => {
    await expect(portal.admin.access.whoAmI({})).resolves.toMatchObject({
      ...{ name: 'robot:first-admin', role: 'admin' },
    })
    await using second = await securedPortal(() => time, [], portal.database).catch(() => undefined)
    // Another folder has another authority, which the database does not know.
    expect(second).toBeUndefined()
  })

  test('is made anew when the portal starts and nobody is admin any more', async () => {
    await using first = await securedPortal(() => time)
    const later = new Date(time.getTime() + 31 * day)
    const files = ['--ca-cert', `${first.folder}/authority/certificate.pem`]
    const key = ['--ca-key', `${first.folder}/authority/key.pem`]
    await using again = await securedPortal(() => later, [...files, ...key], first.database)
    expect(again.firstToken).not.toBe('')
    expect(again.firstToken).not.toBe(first.firstToken)
  })
})

test('who shows nothing, or what is no token, is nobody', async () => {
  for (const token of ['', 'x', 'mir.x.y', `mir.${'A'.repeat(43)}.${'A'.repeat(43)}`, 'a.b.c']) {
    const { images, access } = portal.withToken(token)
    await expect(access.whoAmI({})).rejects.toMatchObject(nobody)
    await expect(images.listImages(ListImagesRequest.create())).rejects.toMatchObject(nobody)
  }
})

describe('a renewal', () => {
  async function renewed(shown: Awaited<ReturnType<SecuredPortal['joined']>>) {
    const { key, request: certificateRequest } = await makeRequest()
    const asked = { requestId: randomUUID(), facility: 'lab1', certificateRequest }
    const { certificate } = await portal.withCertificate(shown).agents.renewCertificate(asked)
    return shownBy(certificate, key, portal.authority)
  }
  const numberOf = ({ current }: { current: () => { chain: Buffer } }) =>
    new X509Certificate(current().chain).serialNumber.toLowerCase()
  const revoke = (serial: string, facility = '') =>
    portal.admin.access.revokeCertificate({ requestId: randomUUID(), serial, facility, reason: '' })

  test('is revoked with the certificate that it was made from, and its own renewals', async () => {
    const first = await portal.joined('lab1')
    const last = await renewed(await renewed(first))
    const { certificates } = await revoke(numberOf(first))
    expect(certificates).toHaveLength(3)
    await expect(portal.withCertificate(last).access.whoAmI({})).rejects.toMatchObject({
      reason: 'CREDENTIAL_REVOKED',
    })
  })

  test('is not to be had past a revocation, however many ask while it goes on', async () => {
    const shown = await portal.joined('lab1')
    const asking = Array.from({ length: 20 }, () => renewed(shown))
    const [answers] = await Promise.all([Promise.allSettled(asking), revoke('', 'lab1')])
    for (const answer of answers) {
      if (answer.status === 'rejected') {
        expect(answer.reason).toMatchObject({ reason: 'CREDENTIAL_REVOKED' })
      } else {
        const { access } = portal.withCertificate(answer.value)
        await expect(access.whoAmI({})).rejects.toMatchObject({ reason: 'CREDENTIAL_REVOKED' })
      }
    }
  })

  test('of a certificate that another authority issued is refused once that is named with its facility', async () => {
    const serial = 'ab'.repeat(16)
    await expect(revoke(serial)).rejects.toMatchObject({ reason: 'CERTIFICATE_NOT_FOUND' })
    const { certificates } = await revoke(serial, 'lab1')
    expect(certificates).toMatchObject([{ serial, name: 'agent:lab1' }])
  })
})

test('with a new authority the tokens of before are nobody’s, and there is a new first admin', async () => {
  await using before = await securedPortal(() => time)
  await before.admin.access.createRobot({
    ...{ requestId: randomUUID(), name: 'old', role: 'admin', days: 0 },
  })
  await using after = await securedPortal(() => time, ['--new-authority'], before.database)
  await expect(after.admin.access.whoAmI({})).resolves.toMatchObject({ name: 'robot:first-admin' })
  const { robots } = await after.admin.access.listRobots(page)
  expect(robots.map(({ name }) => name)).toEqual(['first-admin'])
})
