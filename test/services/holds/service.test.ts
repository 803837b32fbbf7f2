import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { BeginUploadRequest, CommitHeader } from '../../../proto/gen/merge/image/v1/upload.ts'
import {
  CreateHoldsRequest,
  HoldKind,
  ListHoldsRequest,
  type Hold,
  type ReleaseHoldsRequest,
} from '../../../proto/gen/merge/image/v1/hold.ts'
import { CreateLockRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { commit } from '../../support/builds.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish, restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const day = 86_400_000

describe('holds', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let now = new Date('2026-06-15T12:00:00Z')
  let [bob, eve, admin]: Clients[] = []
  let [first, second] = ['', '']
  let link = ''

  const inDays = (days: number) => new Date(now.getTime() + days * day)

  beforeAll(async () => {
    portal = await freshPortal(() => now)
    const producer = portal.as('producer:alice')
    first = await publish(producer, 'debian-13', randomBytes(1000))
    second = await publish(producer, 'debian-12', randomBytes(1000))
    ;[bob, eve, admin] = ['experimenter:bob', 'experimenter:eve', 'admin'].map((who) =>
      portal.as(who),
    )
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(() => {
    link = `https://merge.example/${randomUUID()}`
  })

  const hold = async (
    clients: Clients | undefined,
    more: Partial<CreateHoldsRequest> = {},
  ): Promise<readonly Hold[]> => {
    const request = CreateHoldsRequest.create({
      ...{ requestId: randomUUID(), images: [first], kind: HoldKind.HOLD_KIND_ARTIFACT },
      ...{ reason: 'a paper', link, ...more },
    })
    return (await clients?.holds.createHolds(request))?.holds ?? []
  }
  const release = async (
    clients: Clients | undefined,
    which: ReleaseHoldsRequest['which'],
  ): Promise<number | undefined> =>
    (await clients?.holds.releaseHolds({ requestId: randomUUID(), which }))?.releasedCount
  const renew = async (clients: Clients | undefined, id = '', expireTime?: Date) =>
    (await clients?.holds.renewHold({ requestId: randomUUID(), hold: id, expireTime }))?.hold
  const list = async (filter: Partial<ListHoldsRequest>) =>
    (await bob?.holds.listHolds(ListHoldsRequest.create(filter)))?.holds ?? []
  const images = (holds: readonly Hold[]) => holds.map(({ image }) => image)

  test('are placed one an image, in the order asked, and say who, why and until when', async () => {
    const expireTime = inDays(30)
    const kind = HoldKind.HOLD_KIND_PERSON
    const holds = await hold(bob, {
      images: [second, first],
      kind,
      expireTime,
      reason: 'my thesis',
    })
    expect(images(holds)).toEqual([second, first])
    expect(holds[0]).toMatchObject({
      ...{ kind, owner: 'experimenter:bob', reason: 'my thesis', link, lock: '' },
      ...{ createTime: now, expireTime, releaseTime: undefined, active: true },
    })
    expect(await list({ link, image: second })).toEqual([holds[0]])
  })

  test('are placed once, however often the request comes', async () => {
    const requestId = randomUUID()
    const holds = await hold(bob, { requestId })
    expect(await hold(bob, { requestId })).toEqual(holds)
    expect(await list({ link })).toEqual(holds)
  })

  test('of images of which one is not there are not placed at all', async () => {
    const absent = 'debian-13.0-std-x86-20000101'
    await expect(hold(bob, { images: [first, absent] })).rejects.toMatchObject({
      reason: 'NOT_FOUND',
      facts: { name: absent },
    })
    expect(await list({ link })).toEqual([])
  })

  test.each([
    ['no images', { images: [] }, 'images'],
    ['more than 1000', { images: Array.from({ length: 1001 }, () => 'x') }, 'images'],
    ['no kind', { kind: HoldKind.HOLD_KIND_UNSPECIFIED }, 'kind'],
    ['the kind of locks', { kind: HoldKind.HOLD_KIND_LOCK }, 'kind'],
    ['no reason', { reason: ' ' }, 'reason'],
    ['a long reason', { reason: 'x'.repeat(1001) }, 'reason'],
    ['a long link', { link: 'x'.repeat(1001) }, 'link'],
    [
      'a materialization without a link',
      { kind: HoldKind.HOLD_KIND_MATERIALIZATION, link: '' },
      'link',
    ],
    ['a person without an end', { kind: HoldKind.HOLD_KIND_PERSON }, 'expire_time'],
    ['an end that is past', { expireTime: new Date('2026-06-15T12:00:00Z') }, 'expire_time'],
    [
      'a person for over ten years',
      { kind: HoldKind.HOLD_KIND_PERSON, expireTime: new Date('2036-06-15T12:00:01Z') },
      'expire_time',
    ],
    [
      'a materialization for over ten years',
      { kind: HoldKind.HOLD_KIND_MATERIALIZATION, expireTime: new Date('2036-06-15T12:00:01Z') },
      'expire_time',
    ],
  ])('are refused: %s', async (_what, more, field) => {
    const told = { reason: 'INVALID_FIELD', facts: { field } }
    await expect(hold(bob, more)).rejects.toMatchObject(told)
  })

  test('name each image once, by its exact name', async () => {
    const twice = { images: [first, first] }
    await expect(hold(bob, twice)).rejects.toMatchObject({ facts: { field: 'images' } })
    await expect(hold(bob, { images: ['debian'] })).rejects.toMatchObject({
      reason: 'INVALID_NAME',
    })
  })

  test('of an artifact last for ever, and those of others up to ten years', async () => {
    const end = new Date('2036-06-15T12:00:00Z')
    expect((await hold(bob))[0]?.expireTime).toBeUndefined()
    const kind = HoldKind.HOLD_KIND_PERSON
    expect((await hold(bob, { kind, expireTime: end }))[0]?.expireTime).toEqual(end)
    const late = new Date('2126-06-15T12:00:00Z')
    expect((await hold(bob, { expireTime: late }))[0]?.expireTime).toEqual(late)
  })

  test('can be had of an archived image, and not of an expired one', async () => {
    const image = await publish(portal.as('producer'), 'fedora-43', randomBytes(100))
    await restate(portal.sql, image, { storage: 'archived' })
    expect(images(await hold(bob, { images: [image] }))).toEqual([image])
    await restate(portal.sql, image, { storage: 'expired' })
    await expect(hold(bob, { images: [image] })).rejects.toMatchObject({ reason: 'EXPIRED' })
  })

  test('of what a facility does not share are for those who may see it', async () => {
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    const agent = portal.as('agent:lab1')
    const target = 'lab1/debian-13-tools'
    const custom = { days: 10, shared: false }
    const begin = BeginUploadRequest.create({ requestId: randomUUID(), target, custom })
    const uploadId = (await agent.uploads.beginUpload(begin)).upload?.id ?? ''
    const header = { requestId: randomUUID(), uploadId, release: true, storedBytes: 2000n }
    const own = await commit(agent, CommitHeader.create(header), randomBytes(100))
    const wanted = { images: [own.name] }
    for (const who of ['experimenter:bob', 'manager:lab2', 'agent:lab2', 'producer']) {
      await expect(hold(portal.as(who), wanted)).rejects.toMatchObject({ reason: 'NOT_FOUND' })
    }
    for (const who of ['admin', 'manager:lab1', 'agent:lab1']) {
      expect(images(await hold(portal.as(who), wanted))).toEqual([own.name])
    }
    await agent.images.shareImage({ requestId: randomUUID(), name: own.name, shared: true })
    expect(images(await hold(bob, wanted))).toEqual([own.name])
  })

  test('are released by their link, and only those of whoever asks', async () => {
    await hold(bob, { images: [first, second] })
    await hold(eve)
    const which = { $case: 'link', value: link } as const
    expect(await release(bob, which)).toBe(2)
    expect((await list({ link })).map(({ owner }) => owner)).toEqual(['experimenter:eve'])
    expect(await release(bob, which)).toBe(0)
    expect(await release(admin, which)).toBe(1)
    const ended = await list({ link, endedToo: true })
    expect(ended.map(({ active, releaseTime }) => [active, releaseTime])).toEqual([
      [false, now],
      [false, now],
      [false, now],
    ])
  })

  test('are released by their id, by their owner or an admin, as often as they like', async () => {
    const [one, two] = await hold(bob, { images: [first, second] })
    const which = { $case: 'hold', value: one?.id ?? '' } as const
    await expect(release(eve, which)).rejects.toMatchObject({
      reason: 'NOT_ALLOWED',
      facts: { owner: 'experimenter:bob' },
    })
    expect(await release(bob, { $case: 'hold', value: which.value.toLowerCase() })).toBe(1)
    expect(await release(bob, which)).toBe(0)
    expect(await release(admin, { $case: 'hold', value: two?.id ?? '' })).toBe(1)
  })

  test.each([
    ['nothing', undefined, 'INVALID_FIELD'],
    ['an empty link', { $case: 'link', value: '' } as const, 'INVALID_FIELD'],
    ['a hold that is not there', { $case: 'hold', value: 'x' } as const, 'HOLD_NOT_FOUND'],
  ])('are not released by %s', async (_what, which, reason) => {
    await expect(release(bob, which)).rejects.toMatchObject({ reason })
  })

  test('of a lock are listed and released with it', async () => {
    const nodes = ['debian-13', 'debian-12'].map((reference) => ({
      ...{ node: reference, reference, arch: '' },
    }))
    const request = CreateLockRequest.create({ requestId: randomUUID(), nodes, reason: 'cs101' })
    const lock = (await bob?.resolver.createLock(request))?.lock?.id ?? ''
    const holds = await list({ lock })
    expect(new Set(images(holds))).toEqual(new Set([first, second]))
    expect(holds[0]).toMatchObject({ kind: HoldKind.HOLD_KIND_LOCK, lock, reason: 'cs101' })
    const which = { $case: 'lock', value: lock } as const
    expect(await release(eve, which)).toBe(0)
    expect(await release(bob, which)).toBe(2)
    expect(await list({ lock })).toEqual([])
    expect((await bob?.resolver.getLock({ lock }))?.lock?.nodes).toHaveLength(2)
  })

  test('get another time from their owner or an admin, later or earlier', async () => {
    const kind = HoldKind.HOLD_KIND_PERSON
    const [held] = await hold(bob, { kind, expireTime: inDays(10) })
    expect(await renew(bob, held?.id, inDays(20))).toEqual({ ...held, expireTime: inDays(20) })
    expect((await renew(admin, held?.id, inDays(5)))?.expireTime).toEqual(inDays(5))
    await expect(renew(eve, held?.id, inDays(1))).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
    for (const time of [undefined, now, inDays(3700)]) {
      const told = { reason: 'INVALID_FIELD', facts: { field: 'expire_time' } }
      await expect(renew(bob, held?.id, time)).rejects.toMatchObject(told)
    }
    const [artifact] = await hold(bob, { expireTime: inDays(1) })
    expect((await renew(bob, artifact?.id))?.expireTime).toBeUndefined()
  })

  test('count no more once they have lapsed, and stay so', async () => {
    const kind = HoldKind.HOLD_KIND_PERSON
    const [held] = await hold(bob, { kind, expireTime: inDays(1) })
    const before = now
    now = inDays(1)
    try {
      expect(await list({ link })).toEqual([])
      expect(await list({ link, endedToo: true })).toMatchObject([
        { active: false, releaseTime: undefined },
      ])
      const told = { reason: 'HOLD_ENDED', facts: { hold: held?.id } }
      await expect(renew(bob, held?.id, inDays(1))).rejects.toMatchObject(told)
      expect(await release(bob, { $case: 'link', value: link })).toBe(0)
    } finally {
      now = before
    }
  })

  test('are not renewed once they were released, nor where there are none', async () => {
    const [held] = await hold(bob)
    await release(bob, { $case: 'hold', value: held?.id ?? '' })
    await expect(renew(bob, held?.id)).rejects.toMatchObject({ reason: 'HOLD_ENDED' })
    await expect(renew(bob, 'none')).rejects.toMatchObject({ reason: 'HOLD_NOT_FOUND' })
  })

  test('are listed by image, owner and kind, newest first, page after page', async () => {
    const all = await hold(bob, { images: [first, second], link: 'one' })
    const more = await hold(eve, { link: 'one', kind: HoldKind.HOLD_KIND_MATERIALIZATION })
    const newestFirst = (holds: readonly Hold[]) =>
      holds
        .map(({ id }) => id)
        .toSorted()
        .toReversed()
    const filter = ListHoldsRequest.create({ link: 'one', pageSize: 2 })
    const page = await eve?.holds.listHolds(filter)
    const rest = await eve?.holds.listHolds({ ...filter, pageToken: page?.nextPageToken ?? '' })
    const found = [...(page?.holds ?? []), ...(rest?.holds ?? [])]
    expect(found.map(({ id }) => id)).toEqual(newestFirst([...all, ...more]))
    expect(rest?.nextPageToken).toBe('')
    expect(await list({ link: 'one', owner: 'experimenter:eve' })).toEqual(more)
    expect(await list({ link: 'one', kind: HoldKind.HOLD_KIND_MATERIALIZATION })).toEqual(more)
    expect(images(await list({ link: 'one', image: second }))).toEqual([second])
  })
})
