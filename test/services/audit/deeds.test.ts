import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { makeLog } from '../../../lib/log.ts'
import { queueDueScans } from '../../../services/sources/keeping.ts'
import { queueDue } from '../../../services/builds/schedules.ts'
import { takeBackLapsed } from '../../../services/builds/keeping.ts'
import { expireCustom } from '../../../services/images/custom.ts'
import { deprecateDue } from '../../../services/images/deprecating.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { claim, fail, putRecipe } from '../../support/builds.ts'
import { everyEvent } from '../../support/events.ts'
import { makeFacilities, register } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { answerScan, putSource, sourceText } from '../../support/sources.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('what the portal does by itself is in the log, as the system:', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients
  let producer: Clients
  const log = makeLog('silent')
  const data = randomBytes(1000)

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    admin = portal.as('admin')
    producer = portal.as('producer')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const deeds = async (kind: string, name: string) => {
    const events = await everyEvent(admin, { actor: 'system', resource: { kind, name } })
    return events.map(({ method }) => method)
  }

  test('an alias that follows its line', async () => {
    await publish(producer, 'debian-13', data)
    await aliasCalls(producer).follow('newest', 'debian-13')
    const image = await publish(producer, 'debian-13', data)
    const resource = { kind: 'alias', name: 'newest' }
    const [event] = await everyEvent(admin, { actor: 'system', resource })
    expect(event).toMatchObject({ method: 'follow-line', role: 'system', after: { etag: '2' } })
    expect(event?.resources).toContainEqual({ kind: 'image', name: image })
  })

  test('an image that is deprecated as it was planned', async () => {
    const image = await publish(producer, 'debian-12', data)
    await portal.sql`update image set deprecate_time = now() where name = ${image}`
    await deprecateDue(portal.sql)
    while ((await deeds('image', image)).length === 0);
    expect(await deeds('image', image)).toEqual(['deprecate-image'])
  })

  test('a custom image whose time has passed', async () => {
    await makeFacilities(admin, 'lab1')
    const image = await register(portal.as('agent:lab1'), 'lab1/debian-13', data)
    await portal.sql`update image set expire_time = now() - interval '1 second' where name = ${image}`
    await expireCustom(portal.sql, new Date())
    while ((await deeds('image', image)).length === 0);
    expect(await deeds('image', image)).toEqual(['expire-image'])
    expect(await deeds('facility', 'lab1')).toContain('expire-image')
  })

  test('a build that is queued by its schedule, a builder that went away, a recipe that is paused', async () => {
    const schedule = '{cron: 0 3 * * *, pause_after: 1}'
    await putRecipe(producer, 'daily', { schedule })
    const builder = portal.as('agent:portal')
    await queueDue({ sql: portal.sql, newUlid: ulid, log }, new Date('2026-11-28T03:00:00Z'))
    expect(await deeds('recipe', 'daily')).toEqual(['queue-build'])
    const lost = await claim(builder)
    await portal.sql`
      update build set lease_time = now() - interval '1 second' where name = ${lost.build.name}`
    await takeBackLapsed({ sql: portal.sql, log, newUlid: ulid })
    while ((await deeds('recipe', 'daily')).length < 2);
    await fail(builder, (await claim(builder)).claim, 'no space')
    expect(await deeds('recipe', 'daily')).toEqual(['pause-recipe', 'lose-builder', 'queue-build'])
    const events = await everyEvent(admin, { resource: { kind: 'build', name: lost.build.name } })
    const methods = events.map(({ method }) => method.slice(method.lastIndexOf('/') + 1))
    expect(methods).toEqual([
      'FinishBuild',
      'ClaimBuild',
      'lose-builder',
      'ClaimBuild',
      'queue-build',
    ])
    expect(events.every(({ request }) => !request.includes(lost.claim))).toBe(true)
  })

  test('a scan that is queued by its schedule, a source that is paused', async () => {
    const schedule = '{cron: 0 3 * * *, pause_after: 1}'
    await putSource(producer, 'cloud', sourceText({ schedule }))
    const now = () => new Date(Date.now() + 86_400_000)
    await queueDueScans({ sql: portal.sql, newUlid: ulid, log, now })
    await answerScan(portal.as('agent:portal'), 'portal', { error: 'nothing answers' })
    const told = async () =>
      (await everyEvent(admin, { resource: { kind: 'source', name: 'cloud' } })).map(({ method }) =>
        method.slice(method.lastIndexOf('/') + 1),
      )
    while ((await told()).length < 4);
    // What the end of a scan comes to is told before the report that ended it.
    expect(await told()).toEqual(['ReportScan', 'pause-source', 'queue-scan', 'PutSource'])
  })
})
