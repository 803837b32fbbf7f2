import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { publicKeys } from '../../../lib/tickets/keys.ts'
import { checkTicket } from '../../../lib/tickets/ticket.ts'
import {
  ReportStateRequest,
  type WatchDesiredStateResponse,
} from '../../../proto/gen/merge/image/v1/agent.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { Replica, ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import { announce } from '../../../services/db/changes.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('agents', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients
  let image: string
  let made = 0
  let [lab1, lab2] = ['', '']

  beforeAll(async () => {
    portal = await freshPortal()
    admin = portal.as('admin')
  })

  beforeEach(async () => {
    made++
    ;[lab1, lab2] = [`lab1-${made}`, `lab2-${made}`]
    await makeFacilities(admin, lab1, lab2)
    image = await publish(admin, 'debian-13', randomBytes(1000))
  })

  afterEach(async () => {
    for (const lab of [lab1, lab2]) await report(lab, { peerAddress: '', replicas: [] })
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  /** What an agent hears, one answer after another. */
  function watch(facility: string, at = portal) {
    const { agents } = at.as(`agent:${facility}`)
    const stream = agents.watchDesiredState({ facility })[Symbol.asyncIterator]()
    return async (): Promise<WatchDesiredStateResponse> => {
      const next = await stream.next()
      if (next.done === true) throw new Error('the stream ended')
      return next.value
    }
  }

  const report = (facility: string, more: Partial<ReportStateRequest>) =>
    portal
      .as(`agent:${facility}`)
      .agents.reportState(ReportStateRequest.create({ facility, ...more }))

  const replica = (more: Partial<Replica> = {}) =>
    Replica.create({ image, state: ReplicaState.REPLICA_STATE_PRESENT, ...more })

  test('hear at once what they should hold, and again whenever it changes', async () => {
    const next = watch(lab1)
    expect(await next()).toMatchObject({ generation: 0n, images: [], peers: [], aliases: [] })
    await push(admin, lab1, image)
    expect(await next()).toMatchObject({
      generation: 1n,
      images: [{ image: { name: image }, holders: [] }],
    })
    const more = await publish(admin, 'debian-12', randomBytes(1000))
    await push(admin, lab1, more)
    const state = await next()
    expect(state.generation).toBe(2n)
    expect(state.images.map((desired) => desired.image?.name)).toEqual([more, image])
    expect(await watch(lab1)()).toEqual(state)
  })

  test('hear the words of names, and the aliases of the images that are wanted', async () => {
    await push(admin, lab1, image)
    const next = watch(lab1)
    const { catalogue } = await next()
    expect(catalogue).toEqual(await admin.catalog.listDistros({}))
    const request = { requestId: randomUUID(), alias: 'stable', image }
    await admin.aliases.setAlias(SetAliasRequest.fromPartial(request))
    expect((await next()).aliases).toMatchObject([{ name: 'stable', image }])
  })

  test('hear of the release of an image that they hold', async () => {
    const name = await publish(admin, 'debian-11', randomBytes(1000), false)
    await push(admin, lab1, name)
    const next = watch(lab1)
    const before = (await next()).images[0]?.image
    await admin.images.releaseImage({ requestId: randomUUID(), name, etag: '', reason: '' })
    const after = (await next()).images[0]?.image
    expect(after?.state).not.toBe(before?.state)
  })

  test('hear nothing while nothing of theirs changes', async () => {
    const next = watch(lab1)
    await next()
    const other = watch(lab2)
    await other()
    await push(admin, lab2, image)
    await other()
    await push(admin, lab1, image)
    expect(await next()).toMatchObject({ generation: 1n })
  })

  test('that hold an image whole are told to others who want it', async () => {
    await push(admin, lab1, image)
    await push(admin, lab2, image)
    const next = watch(lab2)
    expect((await next()).images).toMatchObject([{ holders: [] }])
    await report(lab1, { peerAddress: '10.0.0.1:7411', replicas: [replica()] })
    expect(await next()).toMatchObject({
      images: [{ image: { name: image }, holders: [lab1] }],
      peers: [{ facility: lab1, address: '10.0.0.1:7411' }],
    })
    const own = await watch(lab1)()
    expect(own).toMatchObject({ images: [{ holders: [] }], peers: [] })
    await report(lab1, { peerAddress: '', replicas: [] })
    expect(await next()).toMatchObject({ images: [{ holders: [] }], peers: [] })
  })

  test('that hold the same content under another name are holders too', async () => {
    const data = randomBytes(1000)
    const [one, two] = [
      await publish(admin, 'kali-2026', data),
      await publish(admin, 'kali-2026', data),
    ]
    await report(lab1, { peerAddress: 'a:1', replicas: [replica({ image: one })] })
    await push(admin, lab2, two)
    expect((await watch(lab2)()).images).toMatchObject([{ holders: [lab1] }])
  })

  test('are no holders of what is still on its way', async () => {
    await push(admin, lab2, image)
    const state = ReplicaState.REPLICA_STATE_FETCHING
    await report(lab1, { peerAddress: 'a:1', replicas: [replica({ state })] })
    expect((await watch(lab2)()).images).toMatchObject([{ holders: [] }])
  })

  test('hear who fetches the same image, from when it should until it holds it', async () => {
    await report(lab1, { peerAddress: 'a:1', replicas: [] })
    await push(admin, lab2, image)
    const next = watch(lab2)
    expect((await next()).images).toMatchObject([{ holders: [], fetchers: [] }])
    await push(admin, lab1, image)
    expect(await next()).toMatchObject({
      images: [{ holders: [], fetchers: [lab1] }],
      peers: [{ facility: lab1 }],
    })
    await report(lab1, { peerAddress: 'a:1', replicas: [replica()] })
    expect((await next()).images).toMatchObject([{ holders: [lab1], fetchers: [] }])
    expect((await watch(lab1)()).images).toMatchObject([{ fetchers: [] }])
  })

  test('hear nothing of how far others are', async () => {
    await push(admin, lab1, image)
    await push(admin, lab2, image)
    await report(lab1, { peerAddress: 'a:1', replicas: [] })
    const next = watch(lab2)
    expect((await next()).images).toMatchObject([{ fetchers: [lab1] }])
    const state = ReplicaState.REPLICA_STATE_FETCHING
    for (const portalBytes of [1n, 2n, 3n]) {
      await report(lab1, { peerAddress: 'a:1', replicas: [replica({ state, portalBytes })] })
    }
    await report(lab1, { peerAddress: 'a:1', replicas: [replica()] })
    expect((await next()).images).toMatchObject([{ holders: [lab1] }])
  })

  test('do not count on one who serves nobody, has failed, or waits for its hours', async () => {
    await push(admin, lab1, image)
    await push(admin, lab2, image)
    await report(lab1, { peerAddress: '', replicas: [] })
    expect((await watch(lab2)()).images).toMatchObject([{ fetchers: [] }])
    const state = ReplicaState.REPLICA_STATE_FAILED
    await report(lab1, { peerAddress: 'a:1', replicas: [replica({ state })] })
    expect((await watch(lab2)()).images).toMatchObject([{ fetchers: [] }])
    const waiting = { state: ReplicaState.REPLICA_STATE_WAITING }
    const nextTime = new Date(Date.now() + 3_600_000)
    await report(lab1, { peerAddress: 'a:1', replicas: [replica({ ...waiting, nextTime })] })
    expect((await watch(lab2)()).images).toMatchObject([{ fetchers: [] }])
    await report(lab1, { peerAddress: 'a:1', replicas: [replica(waiting)] })
    expect((await watch(lab2)()).images).toMatchObject([{ fetchers: [lab1] }])
  })

  test('hear of many changes at once what they come to', async () => {
    const next = watch(lab1)
    await next()
    const more = await publish(admin, 'debian-12', randomBytes(1000))
    await Promise.all([push(admin, lab1, image), push(admin, lab1, more)])
    expect((await next()).images).toHaveLength(2)
  })

  test('are left out when they have not reported for 90 seconds, until they do again', async () => {
    await push(admin, lab2, image)
    const here = { peerAddress: 'a:1', replicas: [replica()] }
    await report(lab1, here)
    const next = watch(lab2)
    const listed = { images: [{ holders: [lab1] }], peers: [{ facility: lab1 }] }
    expect(await next()).toMatchObject(listed)
    const silentFor = async (seconds: number): Promise<void> => {
      await portal.sql.begin(async (tx) => {
        await tx`update facility set agent_time = now() - make_interval(secs => ${seconds})
          where name = ${lab1}`
        await announce(tx)
      })
    }
    await silentFor(91)
    expect(await next()).toMatchObject({ images: [{ holders: [] }], peers: [] })
    await report(lab1, here)
    expect(await next()).toMatchObject(listed)
    await silentFor(89)
    expect(await watch(lab2)()).toMatchObject(listed)
  })

  test('get tickets for the images that they should hold, and are told nothing of others', async () => {
    await push(admin, lab1, image)
    const ticketOf = (facility: string, name: string) =>
      portal.as(`agent:${facility}`).agents.getTicket({ facility, image: name })
    const { ticket, expireTime } = await ticketOf(lab1, image)
    const { ticketKeys } = await watch(lab1)()
    expect(ticketKeys).toHaveLength(1)
    const checked = checkTicket(ticket, publicKeys(ticketKeys), lab1, new Date())
    expect(checked).toMatchObject({ facility: lab1, expires: expireTime })
    const found = await admin.images.getImage({ name: image })
    expect(`sha256:${checked.manifest}`).toBe(found.image?.digest)
    for (const name of [image, 'debian-13.0-std-x86-20200101', '']) {
      await expect(ticketOf(lab2, name)).rejects.toMatchObject({ reason: 'NOT_FOUND' })
    }
  })

  test('say how they stand, and the last report counts', async () => {
    await push(admin, lab1, image)
    const other = await publish(admin, 'debian-12', randomBytes(1000))
    const failed = { state: ReplicaState.REPLICA_STATE_FAILED, error: 'no space' }
    await report(lab1, { replicas: [replica(failed), replica({ image: other })] })
    const progress = { totalBytes: 10n, peerBytes: 3n, portalBytes: 4n }
    const fetching = { state: ReplicaState.REPLICA_STATE_FETCHING, ...progress }
    await report(lab1, {
      appliedGeneration: 1n,
      storedBytes: 2n ** 40n,
      replicas: [replica(fetching)],
    })
    const { replicas } = await admin.facilities.listReplicas({
      facility: lab1,
      pageSize: 0,
      pageToken: '',
    })
    expect(replicas).toMatchObject([{ image, ...fetching, error: '' }])
    const { facility } = await admin.facilities.getFacility({ name: lab1 })
    expect(facility).toMatchObject({
      appliedGeneration: 1n,
      storedBytes: 2n ** 40n,
      wantedCount: 1,
      presentCount: 0,
      agentTime: expect.any(Date),
    })
  })

  test('may report images that the portal does not know: they are left out', async () => {
    await report(lab1, { replicas: [replica({ image: 'made-up' }), replica()] })
    const request = { facility: lab1, pageSize: 0, pageToken: '' }
    const { replicas } = await admin.facilities.listReplicas(request)
    expect(replicas.map((each) => each.image)).toEqual([image])
  })

  test('that report an image twice are refused, and what they reported before stays', async () => {
    await report(lab1, { replicas: [replica()] })
    const twice = report(lab1, { replicas: [replica(), replica()] })
    await expect(twice).rejects.toMatchObject({ kind: 'invalid', reason: 'INVALID_FIELD' })
    const request = { facility: lab1, pageSize: 0, pageToken: '' }
    const { replicas } = await admin.facilities.listReplicas(request)
    expect(replicas).toMatchObject([{ image }])
  })

  test('of a facility that is not there hear FACILITY_NOT_FOUND', async () => {
    await expect(watch('lab9')()).rejects.toMatchObject({ reason: 'FACILITY_NOT_FOUND' })
    await expect(report('lab9', {})).rejects.toMatchObject({ reason: 'FACILITY_NOT_FOUND' })
  })

  test('hear that the portal is stopping', async () => {
    await using stopping = await freshPortal()
    await makeFacilities(stopping.as('admin'), lab1)
    const next = watch(lab1, stopping)
    await next()
    const over = expect(next()).rejects.toMatchObject({ kind: 'unavailable', reason: 'NOT_READY' })
    await stopping[Symbol.asyncDispose]()
    await over
  })
})
