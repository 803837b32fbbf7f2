import '../../support/realm.ts'
import { randomUUID, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeRequest } from '../../../lib/identity/request.ts'
import { parseToken, renderToken } from '../../../lib/identity/token.ts'
import { ListImagesRequest } from '../../../proto/gen/merge/image/v1/image.ts'
import { everyEvent } from '../../support/events.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal } from '../../support/portal.ts'
import { securedPortal, shownBy, type SecuredPortal } from '../../support/secured.ts'

let portal: SecuredPortal
let time = new Date()

beforeAll(async () => {
  portal = await securedPortal(() => time)
  await makeFacilities(portal.admin, 'lab1', 'lab2')
})

afterAll(() => portal[Symbol.asyncDispose]())

const minute = 60_000

async function newToken(facility = 'lab1'): Promise<string> {
  const asked = { requestId: randomUUID(), facility }
  return (await portal.admin.facilities.createJoinToken(asked)).token
}

async function enroll(token: string, requestId = randomUUID(), asked?: Buffer) {
  const certificateRequest = asked ?? (await makeRequest()).request
  return portal.withToken(token).agents.enroll({ requestId, certificateRequest })
}

describe('joining', () => {
  test('gives a certificate of the facility of the token, in which nothing is of the request but the key', async () => {
    const { key, request } = await makeRequest()
    const { certificate, authorities, facility, serial } = await enroll(
      await newToken(),
      randomUUID(),
      request,
    )
    const made = new X509Certificate(certificate)
    expect(facility).toBe('lab1')
    expect(made.serialNumber.toLowerCase()).toBe(serial)
    expect(made.subjectAltName).toBe('URI:spiffe://merge-image/agent/lab1')
    expect(made.verify(new X509Certificate(authorities[0] ?? '').publicKey)).toBe(true)
    const agent = portal.withCertificate(shownBy(certificate, key, portal.authority))
    await expect(agent.access.whoAmI({})).resolves.toMatchObject({ name: 'agent:lab1' })
  })

  test('and renewing stand in the log with the number by which the certificate is revoked', async () => {
    const { key, request } = await makeRequest()
    const { certificate, serial } = await enroll(await newToken(), randomUUID(), request)
    const agent = portal.withCertificate(shownBy(certificate, key, portal.authority)).agents
    const asked = { requestId: randomUUID(), facility: 'lab1', certificateRequest: request }
    const renewed = await agent.renewCertificate(asked)
    const methodsAbout = async (name: string): Promise<string[]> => {
      const events = await everyEvent(portal.admin, { resource: { kind: 'certificate', name } })
      return events.map(({ method }) => method.replace(/^.*\//, ''))
    }
    expect(await methodsAbout(serial)).toEqual(['Enroll'])
    expect(await methodsAbout(renewed.serial)).toEqual(['RenewCertificate'])
  })

  test('works once: of 100 that come with one token at the same moment one gets in', async () => {
    const token = await newToken()
    const { request } = await makeRequest()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, () => enroll(token, randomUUID(), request)),
    )
    const reasons = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? 'in' : (outcome.reason as { reason: string }).reason,
    )
    expect(reasons.filter((reason) => reason === 'in')).toHaveLength(1)
    expect(reasons.filter((reason) => reason === 'TOKEN_USED')).toHaveLength(99)
  })

  test('answers the same to a call that is sent again, because its answer was lost', async () => {
    const token = await newToken()
    const { request } = await makeRequest()
    const id = randomUUID()
    const first = await enroll(token, id, request)
    await expect(enroll(token, id, request)).resolves.toEqual(first)
    await expect(enroll(token, id)).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' })
  })

  test('ends with the time of the token', async () => {
    const token = await newToken()
    const before = time
    time = new Date(before.getTime() + 10 * minute)
    await expect(enroll(token)).rejects.toMatchObject({
      reason: 'NOT_IDENTIFIED',
      message: expect.stringContaining('ran out'),
    })
    time = before
    await expect(enroll(token)).resolves.toMatchObject({ facility: 'lab1' })
  })

  test('refuses 100 tokens that were made up, one from another portal, and a robot’s', async () => {
    const { pin = Buffer.alloc(32) } = parseToken(await newToken()) ?? {}
    const forged = Array.from({ length: 100 }, (_, i) =>
      renderToken({ kind: 'join', secret: Buffer.alloc(32, i), pin }),
    )
    const refused = { reason: 'NOT_IDENTIFIED' }
    for (const token of forged) await expect(enroll(token)).rejects.toMatchObject(refused)
    await using other = await securedPortal()
    await makeFacilities(other.admin, 'lab1')
    const asked = { requestId: randomUUID(), facility: 'lab1' }
    const { token: theirs } = await other.admin.facilities.createJoinToken(asked)
    await expect(enroll(theirs)).rejects.toMatchObject(refused)
    await expect(enroll(portal.firstToken)).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
  })

  test('leaves a token that asked for too much as good as it was', async () => {
    const token = await newToken()
    const nonsense = enroll(token, randomUUID(), Buffer.from('none'))
    await expect(nonsense).rejects.toMatchObject({ reason: 'INVALID_REQUEST' })
    await expect(enroll(token)).resolves.toMatchObject({ facility: 'lab1' })
  })

  test('is all that a token to join with is good for', async () => {
    const joiner = portal.withToken(await newToken())
    const denied = { reason: 'NOT_ALLOWED' }
    await expect(joiner.images.listImages(ListImagesRequest.create())).rejects.toMatchObject(denied)
    await expect(
      joiner.facilities.createJoinToken({ requestId: randomUUID(), facility: 'lab2' }),
    ).rejects.toMatchObject(denied)
  })

  test('is for facilities that are there, and for the portal’s own agent', async () => {
    await expect(newToken('lab9')).rejects.toMatchObject({ reason: 'FACILITY_NOT_FOUND' })
    await expect(enroll(await newToken('portal'))).resolves.toMatchObject({ facility: 'portal' })
  })

  test('keeps no secret in the database, and tells the token again to who asks again', async () => {
    const asked = { requestId: randomUUID(), facility: 'lab1' }
    const { token } = await portal.admin.facilities.createJoinToken(asked)
    const again = await portal.admin.facilities.createJoinToken(asked)
    expect(again.token).toBe(token)
    const { secret = Buffer.alloc(0) } = parseToken(token) ?? {}
    const { sql } = portal
    const [found] = await sql<{ count: number }[]>`
      select count(*)::int as count from request
      where position(${secret} in answer) > 0 or position(convert_to(${token}, 'UTF8') in answer) > 0`
    expect(found?.count).toBe(0)
    const [event] = await sql<{ count: number }[]>`
      select count(*)::int as count from event where request like ${`%${token.slice(4, 20)}%`}`
    expect(event?.count).toBe(0)
  })
})

describe('renewing', () => {
  test('gives a new certificate for a new key, and the old one stays good for its time', async () => {
    const shown = await portal.joined('lab1')
    const agent = portal.withCertificate(shown)
    const { key, request: certificateRequest } = await makeRequest()
    const asked = { requestId: randomUUID(), facility: 'lab1', certificateRequest }
    const { certificate } = await agent.agents.renewCertificate(asked)
    const renewed = portal.withCertificate(shownBy(certificate, key, portal.authority))
    for (const one of [agent, renewed]) {
      await expect(one.access.whoAmI({})).resolves.toMatchObject({ name: 'agent:lab1' })
    }
  })

  test('is for the facility that the caller shows to be, and for no other', async () => {
    const agent = portal.withCertificate(await portal.joined('lab1'))
    const { request: certificateRequest } = await makeRequest()
    const asked = { requestId: randomUUID(), facility: 'lab2', certificateRequest }
    await expect(agent.agents.renewCertificate(asked)).rejects.toMatchObject({
      reason: 'NOT_ALLOWED',
    })
  })

  test('does not help whose certificate ran out meanwhile, on a connection of before either', async () => {
    const agent = portal.withCertificate(await portal.joined('lab1'))
    await agent.access.whoAmI({})
    const before = time
    time = new Date(before.getTime() + 8 * 24 * 60 * minute)
    const { request: certificateRequest } = await makeRequest()
    const asked = { requestId: randomUUID(), facility: 'lab1', certificateRequest }
    await expect(agent.agents.renewCertificate(asked)).rejects.toMatchObject({
      reason: 'NOT_IDENTIFIED',
    })
    time = before
  })
})

test('a portal whose certificates come from elsewhere issues nothing, and says so', async () => {
  await using plain = await freshPortal()
  await makeFacilities(plain.as('admin'), 'lab1')
  await expect(
    plain.as('admin').facilities.createJoinToken({ requestId: randomUUID(), facility: 'lab1' }),
  ).rejects.toMatchObject({ reason: 'NO_AUTHORITY' })
})
