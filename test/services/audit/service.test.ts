import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { CommitHeader } from '../../../proto/gen/merge/image/v1/upload.ts'
import { EventFilter, EventOutcome, type Event } from '../../../proto/gen/merge/image/v1/audit.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { everyEvent } from '../../support/events.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('the audit log', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients
  let producer: Clients
  let image: string

  beforeAll(async () => {
    portal = await freshPortal()
    admin = portal.as('admin:root')
    producer = portal.as('producer:alice')
    await makeFacilities(admin, 'lab1', 'lab2')
    image = await publish(producer, 'debian-13', randomBytes(1000))
    await push(portal.as('manager:lab1'), 'lab1', image)
    await push(portal.as('manager:lab2'), 'lab2', image)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const methods = (events: readonly Event[]) => events.map(({ method }) => method.split('/')[2])

  test('says who did what to what, from where, why, and how it stands after it', async () => {
    const requestId = randomUUID()
    const reason = 'new term\n"2026" 😀'
    await aliasCalls(producer).set('course', image)
    await producer.aliases.setAlias(
      SetAliasRequest.create({ requestId, alias: 'course', image, etag: '1', reason }),
    )
    const [event] = await everyEvent(admin, { resource: { kind: 'alias', name: 'course' } })
    expect(event).toMatchObject({
      actor: 'producer:alice',
      role: 'producer',
      method: '/merge.image.v1.AliasService/SetAlias',
      requestId,
      resources: [
        { kind: 'alias', name: 'course' },
        { kind: 'image', name: image },
      ],
      outcome: EventOutcome.EVENT_OUTCOME_DONE,
      reason,
      before: { etag: '1', state: '' },
      after: { etag: '2', state: '' },
      suppressed: 0,
    })
    expect(event?.peer).toMatch(/^127\.0\.0\.1:\d+$/)
    const said = { alias: 'course', etag: '1', image, reason, requestId }
    expect(event?.request).toBe(JSON.stringify(said))
  })

  test('has a request that is sent twice once, and one that is only tried not at all', async () => {
    const request = SetAliasRequest.create({ requestId: randomUUID(), alias: 'twice', image })
    const tried = { ...request, requestId: randomUUID(), validateOnly: true }
    await producer.aliases.setAlias(tried)
    await producer.aliases.setAlias(request)
    await producer.aliases.setAlias(request)
    expect(await everyEvent(admin, { resource: { kind: 'alias', name: 'twice' } })).toHaveLength(1)
  })

  test('has nothing of a change that failed', async () => {
    const failed = aliasCalls(producer).set('failed', 'debian-13.0-std-x86-19990101')
    await expect(failed).rejects.toMatchObject({ reason: 'NOT_FOUND' })
    expect(await everyEvent(admin, { resource: { kind: 'alias', name: 'failed' } })).toEqual([])
  })

  test('has what an upload and its commit named, without the bytes', async () => {
    const events = await everyEvent(admin, { resource: { kind: 'image', name: image } })
    const commit = events.find(({ method }) => method.endsWith('/CommitUpload'))
    expect(commit?.resources).toContainEqual({ kind: 'image', name: image })
    expect(JSON.parse(commit?.request ?? '')).toHaveProperty('uploadId')
    expect(CommitHeader.create()).toHaveProperty('uploadId')
  })

  test('is filtered by who, by method, by outcome and by time', async () => {
    const by = async (filter: Partial<EventFilter>) => methods(await everyEvent(admin, filter))
    expect(new Set(await by({ actor: 'admin:root' }))).toEqual(new Set(['CreateFacility']))
    expect(await by({ method: 'PushImage' })).toEqual(['PushImage', 'PushImage'])
    expect(await by({ method: '/merge.image.v1.FacilityService/PutQuota' })).toEqual([])
    const [oldest] = (await everyEvent(admin)).slice(-1)
    const time = oldest?.time ?? new Date(0)
    expect(await by({ until: time })).toEqual([])
    expect(await by({ since: new Date(time.getTime() + 3_600_000) })).toEqual([])
    expect((await by({ since: time })).length).toBeGreaterThan(4)
    await expect(by({ resource: { kind: 'image', name: '' } })).rejects.toMatchObject({
      facts: { field: 'resource' },
    })
  })

  test('comes in pages, whose token is bound to the filter', async () => {
    const filter = EventFilter.create({ method: 'PushImage' })
    const list = (pageToken: string, given = filter) =>
      admin.audit.listEvents({ filter: given, pageSize: 1, pageToken })
    const one = await list('')
    const two = await list(one.nextPageToken)
    expect([one, two].flatMap(({ events }) => events.map(({ actor }) => actor))).toEqual([
      'manager:lab2',
      'manager:lab1',
    ])
    expect(two.nextPageToken).toBe('')
    await expect(list(one.nextPageToken, EventFilter.create())).rejects.toMatchObject({
      facts: { field: 'page_token' },
    })
  })

  test("shows a facility's manager what concerns the facility, and nothing else", async () => {
    const manager = portal.as('manager:lab1')
    const seen = await everyEvent(manager, { facility: 'lab1' })
    expect(methods(seen)).toEqual(['PushImage', 'CreateFacility'])
    for (const { resources } of seen) {
      expect(resources).toContainEqual({ kind: 'facility', name: 'lab1' })
    }
    for (const facility of ['', 'lab2']) {
      const attempt = everyEvent(manager, { facility })
      await expect(attempt).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
    }
  })

  test('is watched from any place, late and again, without loss and without doubles', async () => {
    const before = await everyEvent(admin, { method: 'SetAlias' })
    const filter = EventFilter.create({ method: 'SetAlias' })
    const moves = 30
    const seen: Event[] = []
    const watch = async (until: number): Promise<void> => {
      const afterSequence = seen.at(-1)?.sequence ?? 0n
      for await (const { events } of admin.audit.watchEvents({ filter, afterSequence })) {
        seen.push(...events)
        if (seen.length >= until) return
      }
    }
    const moving = Promise.all(
      Array.from({ length: moves }, () => aliasCalls(producer).set('watched', image)),
    )
    // Given up in the middle, and taken up again after what was seen.
    await watch(before.length + 5)
    await watch(before.length + moves)
    await moving
    const all = (await everyEvent(admin, { method: 'SetAlias' })).toReversed()
    expect(seen).toEqual(all)
    expect(all).toHaveLength(before.length + moves)
  })

  test('tells a watcher of what comes within some seconds, and at once how far it got', async () => {
    const filter = EventFilter.create({ resource: { kind: 'alias', name: 'soon' } })
    const afterSequence = (await everyEvent(admin))[0]?.sequence ?? 0n
    const messages = admin.audit.watchEvents({ filter, afterSequence })[Symbol.asyncIterator]()
    const first = await messages.next()
    expect(first.value).toEqual({ events: [], upToSequence: afterSequence })
    await aliasCalls(producer).set('soon', image)
    const second = await messages.next()
    expect(methods((second.value as { events: Event[] }).events)).toEqual(['SetAlias'])
    await messages.return?.()
  }, 10_000)
})
