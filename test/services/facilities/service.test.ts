import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ReportStateRequest } from '../../../proto/gen/merge/image/v1/agent.ts'
import { ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { publish, restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('facilities', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients

  beforeAll(async () => {
    portal = await freshPortal()
    admin = portal.as('admin')
    await makeFacilities(admin, 'lab2', 'lab1', 'lab3')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const create = (name: string, more = {}) =>
    admin.facilities.createFacility({
      requestId: randomUUID(),
      name,
      displayName: '',
      arch: '',
      ...more,
    })

  const get = async (name: string) => (await admin.facilities.getFacility({ name })).facility

  test('one is made, with the architecture in its canonical spelling', async () => {
    const { facility } = await create('arm-lab', { displayName: 'The lab', arch: 'ARM64' })
    expect(facility).toMatchObject({
      name: 'arm-lab',
      displayName: 'The lab',
      arch: 'aarch64',
      agentTime: undefined,
      desiredGeneration: 0n,
      wantedCount: 0,
    })
    expect(await get('arm-lab')).toEqual(facility)
  })

  test.each([
    ['lab1', {}, 'exists', 'FACILITY_EXISTS'],
    ['portal', {}, 'invalid', 'INVALID_NAME'],
    ['L', {}, 'invalid', 'INVALID_NAME'],
    ['lab9', { arch: 'vax' }, 'invalid', 'INVALID_FIELD'],
  ])('"%s" is not made with %j', async (name, more, kind, reason) => {
    await expect(create(name, more)).rejects.toMatchObject({ kind, reason })
  })

  test('a request that is sent twice makes one, and its id serves no other', async () => {
    const requestId = randomUUID()
    const answers = await Promise.all([1, 2, 3].map(() => create('twice', { requestId })))
    expect(answers).toEqual([answers[0], answers[0], answers[0]])
    await expect(create('thrice', { requestId })).rejects.toMatchObject({
      reason: 'REQUEST_ID_REUSED',
    })
    await expect(get('thrice')).rejects.toMatchObject({ reason: 'FACILITY_NOT_FOUND' })
  })

  test('all are listed by name, a page at a time', async () => {
    const list = async (pageSize: number, pageToken = '') => {
      const page = await admin.facilities.listFacilities({ pageSize, pageToken })
      return { names: page.facilities.map(({ name }) => name), next: page.nextPageToken }
    }
    const { names } = await list(0)
    expect(names).toEqual(names.toSorted())
    expect(names).toEqual(expect.arrayContaining(['lab1', 'lab2', 'lab3']))
    const first = await list(2)
    expect([...first.names, ...(await list(1000, first.next)).names]).toEqual(names)
  })

  describe('an image that is pushed', () => {
    test('is wanted, and waits; once more changes nothing', async () => {
      const image = await publish(admin, 'debian-13', randomBytes(1000))
      await push(admin, 'lab1', image)
      expect(await get('lab1')).toMatchObject({ desiredGeneration: 1n, wantedCount: 1 })
      await push(portal.as('manager:lab1'), 'lab1', image)
      expect(await get('lab1')).toMatchObject({ desiredGeneration: 1n, presentCount: 0 })
      const request = { facility: 'lab1', pageSize: 0, pageToken: '' }
      const { replicas } = await admin.facilities.listReplicas(request)
      expect(replicas).toMatchObject([
        {
          image,
          digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          state: ReplicaState.REPLICA_STATE_WAITING,
        },
      ])
    })

    test('is answered the same when the request comes twice', async () => {
      const image = await publish(admin, 'debian-12', randomBytes(1000))
      const other = await publish(admin, 'debian-12', randomBytes(1000))
      const request = { requestId: randomUUID(), facility: 'lab2', image }
      const answer = await admin.facilities.pushImage(request)
      expect(answer.facility).toMatchObject({ desiredGeneration: 1n, wantedCount: 1 })
      await push(admin, 'lab2', other)
      expect(await admin.facilities.pushImage(request)).toEqual(answer)
      const reused = admin.facilities.pushImage({ ...request, image: other })
      await expect(reused).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' })
    })

    test.each([
      ['lab1', 'debian-13.0-std-x86-20200101', 'NOT_FOUND'],
      ['lab9', '', 'FACILITY_NOT_FOUND'],
      ['lab1', 'debian-13', 'INVALID_NAME'],
    ])('to %s as "%s" is refused as %s', async (facility, name, reason) => {
      const image = name === '' ? await publish(admin, 'kali-2026', randomBytes(10)) : name
      await expect(push(admin, facility, image)).rejects.toMatchObject({ reason })
    })

    test('goes nowhere once it is revoked', async () => {
      const image = await publish(admin, 'kali-2025', randomBytes(1000))
      await portal.sql`update image set state = 'revoked' where name = ${image}`
      await expect(push(admin, 'lab1', image)).rejects.toMatchObject({ reason: 'REVOKED' })
      expect((await get('lab1'))?.wantedCount).toBe(1)
    })

    test('goes nowhere while it is archived, and not once it has expired', async () => {
      const image = await publish(admin, 'kali-2024', randomBytes(1000))
      const newest = await publish(admin, 'kali-2024', randomBytes(1000))
      await restate(portal.sql, image, { storage: 'archived' })
      await expect(push(admin, 'lab1', image)).rejects.toMatchObject({
        reason: 'ARCHIVED',
        message: expect.stringContaining(`"mrg-image restore ${image}"`),
      })
      await restate(portal.sql, image, { storage: 'expired' })
      const told = { reason: 'EXPIRED', facts: { newest } }
      await expect(push(admin, 'lab1', image)).rejects.toMatchObject(told)
      expect((await get('lab1'))?.wantedCount).toBe(1)
    })
  })

  test('replicas are listed by image, a page at a time, the token bound to the facility', async () => {
    const images = []
    for (const target of ['rocky-9', 'alma-9', 'fedora-43']) {
      images.push(await publish(admin, target, randomBytes(1000)))
    }
    for (const image of images) await push(admin, 'lab3', image)
    const list = async (facility: string, pageSize: number, pageToken = '') => {
      const page = await admin.facilities.listReplicas({ facility, pageSize, pageToken })
      return { names: page.replicas.map(({ image }) => image), next: page.nextPageToken }
    }
    const first = await list('lab3', 2)
    const second = await list('lab3', 2, first.next)
    expect([...first.names, ...second.names]).toEqual(images.toSorted())
    expect(second.next).toBe('')
    await expect(list('lab1', 2, first.next)).rejects.toMatchObject({
      facts: { field: 'page_token' },
    })
    await expect(list('lab9', 2)).rejects.toMatchObject({ reason: 'FACILITY_NOT_FOUND' })
  })

  describe('an explanation of a replica', () => {
    const explain = (image: string, facility = 'lab3', who = admin) =>
      who.facilities.explainReplica({ image, facility })
    let image = ''

    beforeAll(async () => {
      image = await publish(portal.as('producer'), 'fedora-43', randomBytes(100))
    })

    test('says who wants an image at a facility, who else has it, and what is in the way', async () => {
      expect(await explain(image)).toMatchObject({ wanted: false, replica: undefined, holders: [] })
      await push(admin, 'lab3', image)
      expect(await explain(image)).toMatchObject({
        ...{ wanted: true, actor: 'admin', replica: undefined },
        message: expect.stringContaining('The agent of lab3 was never heard of'),
      })
      const { REPLICA_STATE_PRESENT, REPLICA_STATE_FAILED } = ReplicaState
      const report = (facility: string, state: ReplicaState, error: string) =>
        portal
          .as(`agent:${facility}`)
          .agents.reportState(
            ReportStateRequest.fromPartial({ facility, replicas: [{ image, state, error }] }),
          )
      await report('lab2', REPLICA_STATE_PRESENT, '')
      await report('lab3', REPLICA_STATE_FAILED, 'the disk is full')
      const answer = await explain(image)
      expect(answer).toMatchObject({ holders: ['lab2'], replica: { state: REPLICA_STATE_FAILED } })
      expect(answer.message).toMatch(/the disk is full\. It is tried again.* from lab2 first/)
    })

    test('is for those who belong there, of what there is', async () => {
      await expect(explain('debian-13.9-std-x86-20200101')).rejects.toMatchObject({
        reason: 'NOT_FOUND',
      })
      await expect(explain(image, 'nowhere')).rejects.toMatchObject({
        reason: 'FACILITY_NOT_FOUND',
      })
      await expect(explain(image, 'lab3', portal.as('manager:lab1'))).rejects.toMatchObject({
        reason: 'NOT_ALLOWED',
      })
    })
  })
})
