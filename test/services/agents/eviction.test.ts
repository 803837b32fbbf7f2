import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { EvictionVerdict, ReportStateRequest } from '../../../proto/gen/merge/image/v1/agent.ts'
import { Replica, ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { publish, restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const mayGo = EvictionVerdict.EVICTION_VERDICT_MAY_GO
const lastCopy = EvictionVerdict.EVICTION_VERDICT_LAST_COPY

describe('facilities', () => {
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

  afterAll(() => portal[Symbol.asyncDispose]())

  const report = (facility: string, ...replicas: Partial<Replica>[]) =>
    portal.as(`agent:${facility}`).agents.reportState(
      ReportStateRequest.create({
        facility,
        replicas: replicas.map((replica) =>
          Replica.create({ image, state: ReplicaState.REPLICA_STATE_PRESENT, ...replica }),
        ),
      }),
    )

  const ask = async (facility: string, images = [image], validateOnly = false) => {
    const { agents } = portal.as(`agent:${facility}`)
    const { answers } = await agents.askEviction({ facility, images, validateOnly })
    return answers
  }

  const verdict = async (facility: string, validateOnly = false) =>
    (await ask(facility, [image], validateOnly))[0]?.verdict

  /** From now on the image is one of the facility's own, whose bytes the portal never had. */
  async function own(facility: string): Promise<void> {
    image = await publish(admin, `${facility}/debian-13`, randomBytes(1000))
    await portal.sql`
      update image set custom = true, shared = true, expire_time = now() + interval '1 day'
      where name = ${image}`
  }

  const hold = (name = image) => portal.sql`
    insert into hold (id, image, kind, owner, reason, link)
    values (${randomUUID()}, ${name}, 'person', 'somebody', 'needed', '')`

  const used = async (facility: string) => {
    const { replicas } = await admin.facilities.listReplicas({
      ...{ facility, pageSize: 0, pageToken: '' },
    })
    return replicas.map(({ useTime }) => useTime?.toISOString())
  }

  describe('tell when they used an image last', () => {
    const [older, newer] = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z']

    test('which never moves backwards', async () => {
      await report(lab1, {})
      expect(await used(lab1)).toEqual([undefined])
      await report(lab1, { useTime: new Date(newer) })
      await report(lab1, { useTime: new Date(older) })
      await report(lab1, {})
      expect(await used(lab1)).toEqual([newer])
    })

    test('and that stays known when their copy is gone', async () => {
      await report(lab1, { useTime: new Date(older) })
      await report(lab1)
      expect(await used(lab1)).toEqual([])
      const rows = await portal.sql`select time from image_use where image = ${image}`
      expect(rows).toMatchObject([{ time: new Date(older) }])
      await report(lab1, {})
      expect(await used(lab1)).toEqual([older])
    })

    test('but nothing of the future, by the portal’s clock', async () => {
      await report(lab1, { useTime: new Date(Date.now() + 86_400_000) })
      const [time = ''] = await used(lab1)
      expect(new Date(time).getTime()).toBeLessThan(Date.now() + 60_000)
    })
  })

  describe('that are told to drop an image', () => {
    const drop = (facility: string, name = image, requestId: string = randomUUID()) =>
      admin.facilities.dropImage({ requestId, facility, image: name })

    test('should hold it no more, in a new generation', async () => {
      await push(admin, lab1, image)
      expect((await drop(lab1)).facility).toMatchObject({ desiredGeneration: 2n, wantedCount: 0 })
      expect((await drop(lab1)).facility).toMatchObject({ desiredGeneration: 2n, wantedCount: 0 })
    })

    test('once, however often they are told', async () => {
      await push(admin, lab1, image)
      const id = randomUUID()
      const first = await drop(lab1, image, id)
      await push(admin, lab1, image)
      expect(await drop(lab1, image, id)).toEqual(first)
      const { facility } = await admin.facilities.getFacility({ name: lab1 })
      expect(facility).toMatchObject({ wantedCount: 1 })
    })

    test('keep their own while it has its time', async () => {
      await own(lab1)
      await expect(drop(lab1)).rejects.toMatchObject({
        kind: 'precondition',
        reason: 'WRONG_STATE',
      })
      await push(admin, lab2, image)
      expect((await drop(lab2)).facility).toMatchObject({ wantedCount: 0 })
      await restate(portal.sql, image, { storage: 'expired' })
      await drop(lab1)
    })

    test.each([
      ['a facility that is not there', 'lab99', undefined, 'FACILITY_NOT_FOUND'],
      ['an image that is not there', undefined, 'debian-13.0-std-x86-19990101', 'NOT_FOUND'],
      ['what is no name', undefined, 'x', 'INVALID_NAME'],
    ])('refuse %s', async (_, facility, name, reason) => {
      await expect(drop(facility ?? lab1, name)).rejects.toMatchObject({ reason })
    })
  })

  describe('that ask what may go', () => {
    test('may let go what the portal has, in its store or its archive', async () => {
      await report(lab1, {})
      await hold()
      expect(await verdict(lab1)).toBe(mayGo)
      await restate(portal.sql, image, { storage: 'archived' })
      expect(await verdict(lab1)).toBe(mayGo)
    })

    test('keep what they should hold', async () => {
      await report(lab1, {})
      await push(admin, lab1, image)
      expect(await verdict(lab1)).toBe(EvictionVerdict.EVICTION_VERDICT_WANTED)
    })

    test('keep their own in its time, whoever else has it', async () => {
      await own(lab1)
      await report(lab1, {})
      await report(lab2, {})
      expect(await verdict(lab1)).toBe(EvictionVerdict.EVICTION_VERDICT_OWN)
      expect(await verdict(lab2)).toBe(mayGo)
    })

    test('may let go what has expired and nobody holds', async () => {
      await own(lab1)
      await restate(portal.sql, image, { storage: 'expired' })
      await report(lab1, {})
      expect(await verdict(lab1)).toBe(mayGo)
    })

    test('keep the last copy of what is held', async () => {
      await restate(portal.sql, image, { storage: 'expired' })
      await hold()
      await report(lab1, {})
      expect(await ask(lab1)).toMatchObject([
        { image, verdict: lastCopy, message: expect.stringContaining('it is held') },
      ])
      await report(lab2, { state: ReplicaState.REPLICA_STATE_FETCHING })
      expect(await verdict(lab1)).toBe(lastCopy)
      await report(lab2, {})
      expect(await verdict(lab1)).toBe(mayGo)
    })

    test('may let it go once the hold has lapsed or was released', async () => {
      await restate(portal.sql, image, { storage: 'expired' })
      await hold()
      await hold()
      const { sql } = portal
      await sql`update hold set release_time = now() where image = ${image}
        and id = (select min(id) from hold where image = ${image})`
      expect(await verdict(lab1)).toBe(lastCopy)
      await sql`update hold set expire_time = now() where image = ${image}`
      expect(await verdict(lab1)).toBe(mayGo)
    })

    test('keep the last copy of another’s own, which that one has lost', async () => {
      await own(lab1)
      await report(lab1)
      await report(lab2, {})
      expect(await verdict(lab2)).toBe(lastCopy)
    })

    test('do not count on one that has not been heard of for a day', async () => {
      await own(lab1)
      await report(lab1, {})
      const silent = (hours: number) => portal.sql`
        update facility set agent_time = now() - make_interval(hours => ${hours}) where name = ${lab1}`
      await silent(25)
      expect(await verdict(lab2)).toBe(lastCopy)
      await silent(23)
      expect(await verdict(lab2)).toBe(mayGo)
    })

    test('keep what the portal does not know, and hear of each image in the order asked', async () => {
      const strange = 'debian-13.0-std-x86-19990101'
      const answers = await ask(lab1, [strange, image])
      expect(answers.map((answer) => [answer.image, answer.verdict])).toEqual([
        [strange, EvictionVerdict.EVICTION_VERDICT_UNKNOWN],
        [image, mayGo],
      ])
    })

    test.each([
      ['none', []],
      ['one twice', ['a', 'a']],
      ['more than a thousand', Array.from({ length: 1001 }, (_, i) => String(i))],
    ])('are refused with %s', async (_, images) => {
      await expect(ask(lab1, images)).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        facts: { field: 'images' },
      })
    })
  })

  describe('of which one may let its copy go', () => {
    const age = (minutes: number) => portal.sql`
      update eviction set time = now() - make_interval(mins => ${minutes}) where image = ${image}`

    beforeEach(async () => {
      await restate(portal.sql, image, { storage: 'expired' })
      await hold()
      await report(lab1, {})
      await report(lab2, {})
    })

    test('the other keeps it, unless the one only rehearsed', async () => {
      expect(await verdict(lab1, true)).toBe(mayGo)
      expect(await verdict(lab2, true)).toBe(mayGo)
      expect(await verdict(lab1)).toBe(mayGo)
      expect(await verdict(lab2)).toBe(lastCopy)
      expect(await verdict(lab1)).toBe(mayGo)
    })

    test('counts as gone though an old report comes after that has it, until it reports it ten minutes later', async () => {
      await verdict(lab1)
      await report(lab1, {})
      await age(9)
      await report(lab1, {})
      expect(await verdict(lab2)).toBe(lastCopy)
      await age(11)
      expect(await verdict(lab2)).toBe(lastCopy)
      await report(lab1, {})
      expect(await verdict(lab2)).toBe(mayGo)
    })

    test('is not counted when it has let go and says so', async () => {
      await verdict(lab1)
      await age(11)
      await report(lab1)
      expect(await verdict(lab2)).toBe(lastCopy)
    })
  })

  test('that ask at the same time never let all copies go', async () => {
    const labs = [lab1, lab2, `lab3-${made}`]
    await makeFacilities(admin, labs[2] ?? '')
    const images = await Promise.all(
      [1, 2, 3].map(() => publish(admin, 'debian-12', randomBytes(500))),
    )
    for (const name of images) {
      await restate(portal.sql, name, { storage: 'expired' })
      await hold(name)
    }
    for (let round = 0; round < 50; round++) {
      await portal.sql`delete from eviction where image = any (${images})`
      for (const lab of labs) await report(lab, ...images.map((name) => ({ image: name })))
      const answers = await Promise.all(
        labs.map((lab, i) => ask(lab, i === 1 ? images.toReversed() : images)),
      )
      for (const name of images) {
        const allowed = answers.filter((each) =>
          each.some((answer) => answer.image === name && answer.verdict === mayGo),
        )
        expect(allowed).toHaveLength(labs.length - 1)
      }
    }
  })
})
