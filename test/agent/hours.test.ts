import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { hoursOf } from '../../agent/hours.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { parseWindow } from '../../lib/window.ts'
import { ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { freshAgent, pull } from '../support/agent.ts'
import { makeFacilities } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'

const clock = { now: () => performance.now(), sleep }
const window = parseWindow('22:00-06:00')

describe('the hours of an agent', () => {
  test('say when they begin', () => {
    const hours = hoursOf(window, () => new Date('2026-11-24T20:30Z'), clock)
    expect(hours.opensAt()).toEqual(new Date('2026-11-24T22:00Z'))
  })

  test('are all hours if none are given', () => {
    using closing = hoursOf(undefined, () => new Date(0), clock).closing()
    expect(hoursOf(undefined, () => new Date(0), clock).opensAt()).toBeUndefined()
    expect(closing.signal.aborted).toBe(false)
  })

  test('end what is under way when they are over', async () => {
    const end = new Date('2026-11-24T06:00Z').getTime()
    const began = performance.now()
    const now = () => new Date(end - 50 + performance.now() - began)
    using closing = hoursOf(window, now, clock).closing()
    await new Promise((resolve) => {
      closing.signal.addEventListener('abort', resolve)
    })
    expect(performance.now() - began).toBeGreaterThan(48)
    expect(closing.signal.reason).toMatchObject({ reason: 'STOPPED' })
  })
})

describe('an agent with a window', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let image: string

  beforeAll(async () => {
    portal = await freshPortal()
    await makeFacilities(portal.as('admin'), 'lab1')
    image = await publish(portal.as('producer'), 'debian-13', randomBytes(300_000))
  })

  afterAll(async () => {
    await portal[Symbol.asyncDispose]()
  })

  test('waits for it, says so, and goes on by itself', async () => {
    let now = new Date('2026-11-24T21:00Z')
    const flags = ['--fetch-window', '22:00-06:00']
    await using agent = await freshAgent(portal, 'lab1', { flags, now: () => now })
    const pulled = pull(agent, image)
    await agent.recorder.line('fetching waits for its hours')
    const { images } = await agent.local.listLocal({})
    expect(images[0]?.replica).toMatchObject({
      state: ReplicaState.REPLICA_STATE_WAITING,
      error: 'waits for 22:00 UTC, as --fetch-window says',
    })
    expect(await agent.local.status({})).toMatchObject({
      presentCount: 0,
      fetchTime: new Date('2026-11-24T22:00Z'),
    })
    now = new Date('2026-11-24T22:00Z')
    expect((await pulled).local?.replica).toMatchObject({
      state: ReplicaState.REPLICA_STATE_PRESENT,
      error: '',
    })
    expect(await agent.local.status({})).toMatchObject({
      fetchTime: undefined,
      sources: [{ name: 'portal', restingUntil: undefined, reason: '' }],
    })
  })
})
