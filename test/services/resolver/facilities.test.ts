import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ReportStateRequest } from '../../../proto/gen/merge/image/v1/agent.ts'
import { Replica, ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import { Availability, ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const prefer = Availability.AVAILABILITY_PREFER_PRESENT
const only = Availability.AVAILABILITY_PRESENT_ONLY

describe('for a facility', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let older = ''
  let newer = ''
  const data = randomBytes(1000)

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer')
    const { facilities } = portal.as('admin')
    for (const [name, arch] of [
      ['lab1', ''],
      ['lab2', 'aarch64'],
      ['lab3', ''],
    ] as const) {
      const request = { requestId: randomUUID(), name, displayName: '', arch }
      await facilities.createFacility(request)
    }
    older = await publish(producer, 'debian-13', data)
    newer = await publish(producer, 'debian-13', data)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const resolve = (reference: string, more: Partial<ResolveImageRequest>) =>
    producer.resolver.resolveImage(ResolveImageRequest.create({ reference, ...more }))

  const report = (
    facility: string,
    held: readonly string[],
    state: ReplicaState = ReplicaState.REPLICA_STATE_PRESENT,
  ) =>
    portal.as(`agent:${facility}`).agents.reportState(
      ReportStateRequest.create({
        facility,
        replicas: held.map((image) => Replica.create({ image, state })),
      }),
    )

  test("its architecture is the default, and the node's own goes before it", async () => {
    const arm = await publish(producer, 'debian-13-aarch64', data)
    await expect(resolve('debian-13', { facility: 'lab2' })).resolves.toMatchObject({
      image: { name: arm },
      defaults: expect.arrayContaining([{ field: 'arch', value: 'aarch64', origin: 'facility' }]),
    })
    const x86 = await resolve('debian-13', { facility: 'lab2', arch: 'amd64' })
    expect(x86.image?.name).toBe(newer)
    expect(x86.defaults).toContainEqual({ field: 'arch', value: 'x86', origin: 'context' })
    const { defaults } = await resolve('debian-13', { facility: 'lab1' })
    expect(defaults).toContainEqual({ field: 'arch', value: 'x86', origin: 'catalogue' })
  })

  test('the answer says whether the image is there whole', async () => {
    const present = async () => (await resolve('debian-13', { facility: 'lab1' })).present
    expect(await present()).toBe(false)
    await report('lab1', [newer], ReplicaState.REPLICA_STATE_FETCHING)
    expect(await present()).toBe(false)
    await report('lab1', [newer])
    expect(await present()).toBe(true)
    await report('lab1', [])
    expect(await present()).toBe(false)
    expect((await resolve('debian-13', {})).present).toBe(false)
  })

  test('what is present is preferred, and anything will do where nothing of it fits', async () => {
    const preferred = (facility: string) =>
      resolve('debian-13', { facility, availability: prefer, explain: true })
    await report('lab3', [older])
    const held = await preferred('lab3')
    expect(held).toMatchObject({ image: { name: older }, present: true })
    expect(held.rejected[0]).toMatchObject({ name: newer, rule: 'NOT_PRESENT' })
    const other = await preferred('lab2')
    expect(other.present).toBe(false)
    expect(other.rejected.map(({ rule }) => rule)).not.toContain('NOT_PRESENT')
  })

  test('only what is present will do, where that is asked', async () => {
    await report('lab3', [older])
    const demand = (reference: string) =>
      resolve(reference, { facility: 'lab3', availability: only })
    await expect(demand('debian-13')).resolves.toMatchObject({ image: { name: older } })
    await expect(demand('debian-13, build >= 20990101')).rejects.toMatchObject({
      reason: 'NO_MATCH',
    })
    await expect(demand(newer)).rejects.toMatchObject({
      reason: 'NOT_PRESENT',
      message: `${newer} is not whole at lab3: push it there first`,
    })
  })

  test.each(['lab9', 'no facility', '\0', 'x'.repeat(300)])('%j is none', async (facility) => {
    await expect(resolve('debian-13', { facility })).rejects.toMatchObject({
      reason: 'FACILITY_NOT_FOUND',
    })
  })

  test.each<[string, Partial<ResolveImageRequest>, string]>([
    ['an availability without one', { availability: only }, 'facility'],
    [
      'an availability that there is not',
      { availability: 9 as Availability, facility: 'lab1' },
      'availability',
    ],
    ['an architecture that there is not', { arch: 'pdp11', facility: 'lab1' }, 'arch'],
  ])('%s is refused', async (_, more, field) => {
    await expect(resolve('debian-13', more)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field },
    })
  })
})
