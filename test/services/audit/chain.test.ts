import { randomBytes, randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { FacilityServiceService as Facilities } from '../../../proto/gen/merge/image/v1/facility.ts'
import type { Event } from '../../../proto/gen/merge/image/v1/audit.ts'
import { once } from '../../../services/db/requests.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { publish } from '../../support/images.ts'
import { everyEvent } from '../../support/events.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

// Two portals on one database, writers at both, and transactions that are taken back: the chain has no gap and no fork, and each
// change exactly one event.

describe('the chain of events', () => {
  let first: Awaited<ReturnType<typeof freshPortal>>
  let second: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients

  beforeEach(async () => {
    first = await freshPortal()
    second = await freshPortal(undefined, first.database)
    admin = first.as('admin')
  })

  afterEach(async () => {
    await second[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
  })

  const caller = { name: 'admin', role: { kind: 'admin' } } as const

  /** A change that leaves a row in the database, or is taken back after it did. */
  function change(requestId: string, name: string, fails: boolean): Promise<unknown> {
    const request = { requestId, name, displayName: '', arch: '' }
    return once(first.sql, Facilities.createFacility, caller, request, async (tx) => {
      await tx`insert into facility (name, display_name, arch) values (${name}, '', '')`
      // Some hold on to what they wrote while others commit.
      await tx`select pg_sleep(random() * 0.01)`
      if (fails) throw new Error('taken back')
      return { facility: undefined }
    })
  }

  test('has no gap and no fork under sixteen writers, and each effect exactly one event', async () => {
    const images = [await publish(admin, 'debian-13', randomBytes(1000))]
    const writers = Array.from({ length: 16 }, async (_, w) => {
      const portal = w % 2 === 0 ? first : second
      const { set } = aliasCalls(portal.as(`producer:p${w}`))
      for (let i = 0; i < 8; i++) {
        const name = `f${w}-${i}`
        const id = randomUUID()
        const fails = (w + i) % 3 === 0
        await change(id, name, fails).catch((error: unknown) => {
          if (!fails) throw error
        })
        // The same once more: it changes nothing, and is no event.
        if (!fails) await change(id, name, false)
        await set(`a${i % 4}`, images[0] ?? '')
      }
    })
    await Promise.all(writers)
    const events = await everyEvent(admin)
    expect(events.map(({ sequence }) => sequence)).toEqual(
      events.map((_, i) => BigInt(events.length - i)),
    )
    const made = events.filter(({ method }) => method === Facilities.createFacility.path)
    const rows = await first.sql<{ name: string }[]>`select name from facility order by name`
    expect(made.flatMap(facilitiesIn).sort()).toEqual(rows.map(({ name }) => name).sort())
    expect(events.filter(({ method }) => method.endsWith('/SetAlias'))).toHaveLength(16 * 8)
    expect(await admin.audit.verifyEvents({ afterSequence: 0n, hash: '' })).toMatchObject({
      whole: true,
      firstSequence: 1n,
      lastSequence: BigInt(events.length),
      lastHash: events[0]?.hash,
    })
  })

  test('has the changes of one thing in the order in which they came about', async () => {
    const image = await publish(admin, 'debian-13', randomBytes(1000))
    const moves = Array.from({ length: 60 }, (_, i) => {
      const portal = i % 2 === 0 ? first : second
      return aliasCalls(portal.as('producer')).set('moved', image)
    })
    await Promise.all(moves)
    const events = await everyEvent(admin, { resource: { kind: 'alias', name: 'moved' } })
    expect(events.map(({ after }) => Number(after?.etag))).toEqual(
      Array.from({ length: 60 }, (_, i) => 60 - i),
    )
  })

  test('takes in an event whose transaction commits after later ones were chained', async () => {
    const [late, early] = ['late', 'early']
    await first.sql.begin(async (tx) => {
      await tx`
        insert into event_draft (actor, role, peer, method, request_id, resources, outcome, reason, request,
          before_etag, before_state, after_etag, after_state, suppressed)
        values ('system', 'system', '', ${late}, '', '{}', 'done', '', '', '', '', '', '', 0)`
      await change(randomUUID(), early, false)
      expect((await everyEvent(admin)).flatMap(facilitiesIn)).toEqual([early])
    })
    const methods = (await everyEvent(admin)).map(({ method }) => method)
    expect(methods).toEqual([late, Facilities.createFacility.path])
    expect(await admin.audit.verifyEvents({ afterSequence: 0n, hash: '' })).toMatchObject({
      whole: true,
      lastSequence: 2n,
    })
  })
})

function facilitiesIn({ resources }: Event): readonly string[] {
  return resources.filter(({ kind }) => kind === 'facility').map(({ name }) => name)
}
