import { randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { EventOutcome } from '../../../proto/gen/merge/image/v1/audit.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { everyEvent } from '../../support/events.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const denied = { outcome: EventOutcome.EVENT_OUTCOME_DENIED }

/** Denied attempts are written beside the calls: those that are there once there are so many. */
async function untilDenied(admin: Clients, count: number) {
  for (;;) {
    const events = await everyEvent(admin, denied)
    if (events.length >= count) return events
  }
}

test('what is denied is in the log: who tried what, from where, to what, and why not', async () => {
  await using portal = await freshPortal()
  const admin = portal.as('admin')
  await makeFacilities(admin, 'lab1', 'lab2')
  const manager = portal.as('manager:lab1')
  const image = 'debian-13.0-std-x86-20260615'
  await expect(push(manager, 'lab2', image)).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
  const [event] = await untilDenied(admin, 1)
  expect(event).toMatchObject({
    actor: 'manager:lab1',
    role: 'manager',
    method: '/merge.image.v1.FacilityService/PushImage',
    resources: [
      { kind: 'facility', name: 'lab1' },
      { kind: 'facility', name: 'lab2' },
      { kind: 'image', name: image },
    ],
    before: { etag: '', state: '' },
    after: { etag: '', state: '' },
  })
  expect(event?.peer).toMatch(/^127\.0\.0\.1:\d+$/)
  expect(event?.reason).toContain('may not call')
  expect(JSON.parse(event?.request ?? '')).toMatchObject({ facility: 'lab2', image })
})

test('whoever does not say who it is, is known by its address', async () => {
  await using portal = await freshPortal()
  const told = { reason: 'NOT_IDENTIFIED' }
  await expect(aliasCalls(portal.as('root')).get('x')).rejects.toMatchObject(told)
  const [event] = await untilDenied(portal.as('admin'), 1)
  expect(event).toMatchObject({ actor: '', role: '', resources: [{ kind: 'alias', name: 'x' }] })
  expect(event?.peer).toMatch(/^127\.0\.0\.1:\d+$/)
})

test('a caller that goes on and on makes few events, and the others are counted', async () => {
  await using first = await freshPortal()
  {
    await using second = await freshPortal(undefined, first.database)
    const stubborn = second.as('experimenter:mallory')
    const attempts = Array.from({ length: 100 }, () =>
      stubborn.facilities.createFacility({
        requestId: randomUUID(),
        name: 'lab1',
        displayName: 'x\0y',
        arch: '',
      }),
    )
    await Promise.allSettled(attempts)
  }
  const events = await untilDenied(first.as('admin'), 1)
  expect(events.length).toBeLessThan(15)
  const counted = events.reduce((sum, { suppressed }) => sum + suppressed, events.length)
  expect(counted).toBe(100)
})

test('what fails for another reason is no denied attempt', async () => {
  await using portal = await freshPortal()
  const admin = portal.as('admin')
  const told = { reason: 'ALIAS_NOT_FOUND' }
  await expect(aliasCalls(admin).get('nowhere')).rejects.toMatchObject(told)
  expect(await everyEvent(admin)).toEqual([])
})
