import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { makeLog } from '../../../lib/log.ts'
import { BuildState, BuildTrigger } from '../../../proto/gen/merge/image/v1/build.ts'
import { queueDue } from '../../../services/builds/schedules.ts'
import { claim, fail, putRecipe } from '../../support/builds.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('schedules', () => {
  /** The portals' own clocks stand still, so that a test says when it is time. */
  const start = new Date('2026-11-27T12:00:00Z')
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => start)
    producer = portal.as('producer')
    builder = portal.as('agent:portal')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const daily = '{cron: 0 3 * * *, pause_after: 2}'
  const recipe = async (name: string) =>
    (await producer.builds.getRecipe({ name, version: 0 })).recipe
  const buildsOf = async (name: string) => {
    const filter = { namespace: '', source: '', recipe: name, state: 0 as BuildState }
    return (await producer.builds.listBuilds({ ...filter, pageSize: 0, pageToken: '' })).builds
  }
  const at = (time: string) =>
    queueDue({ sql: portal.sql, newUlid: ulid, log: makeLog('silent') }, new Date(time))
  /** Fails the one build that waits. */
  const failIt = async () => fail(builder, (await claim(builder)).claim, 'no space')

  test('queue a build at their time, and know the next', async () => {
    await putRecipe(producer, 'daily', { schedule: daily })
    expect(await at('2026-11-28T02:59:59Z')).toEqual([])
    expect(await at('2026-11-28T03:00:00Z')).toEqual(['daily'])
    expect(await buildsOf('daily')).toMatchObject([
      {
        state: BuildState.BUILD_STATE_QUEUED,
        trigger: BuildTrigger.BUILD_TRIGGER_SCHEDULE,
        requester: 'schedule',
        scheduleTime: new Date('2026-11-28T03:00:00Z'),
      },
    ])
    expect((await recipe('daily'))?.nextTime).toEqual(new Date('2026-11-29T03:00:00Z'))
    await failIt()
  })

  test('make up many times that were missed by one build', async () => {
    await putRecipe(producer, 'missed', { schedule: daily })
    expect(await at('2026-12-24T12:00:00Z')).toContain('missed')
    expect(await buildsOf('missed')).toMatchObject([
      { scheduleTime: new Date('2026-11-28T03:00:00Z') },
    ])
    expect((await recipe('missed'))?.nextTime).toEqual(new Date('2026-12-25T03:00:00Z'))
    await producer.builds.deleteRecipe({ requestId: randomUUID(), name: 'missed', etag: '' })
    await producer.builds.deleteRecipe({ requestId: randomUUID(), name: 'daily', etag: '' })
    for (const { name } of [...(await buildsOf('missed')), ...(await buildsOf('daily'))]) {
      await producer.builds.cancelBuild({ requestId: randomUUID(), name }).catch(() => undefined)
    }
  })

  test('queue a time once, however many portals see that it is due', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `many${i}`)
    for (const name of names) await putRecipe(producer, name, { schedule: daily })
    const rounds = await Promise.all(Array.from({ length: 8 }, () => at('2026-11-28T04:00:00Z')))
    expect(rounds.flat().toSorted()).toEqual(names)
    for (const name of names) {
      const [build, ...more] = await buildsOf(name)
      expect(more).toEqual([])
      await producer.builds.cancelBuild({ requestId: randomUUID(), name: build?.name ?? '' })
      await producer.builds.deleteRecipe({ requestId: randomUUID(), name, etag: '' })
    }
  })

  test('wait for a build that is not over', async () => {
    await putRecipe(producer, 'slow', { schedule: daily })
    expect(await at('2026-11-28T03:00:00Z')).toEqual(['slow'])
    expect(await at('2026-11-29T03:00:00Z')).toEqual([])
    await failIt()
    expect(await at('2026-11-29T03:30:00Z')).toEqual(['slow'])
    await producer.builds.deleteRecipe({ requestId: randomUUID(), name: 'slow', etag: '' })
    await failIt()
  })

  test('are paused when their builds failed so often, say why, and can be resumed', async () => {
    await putRecipe(producer, 'bad', { schedule: daily })
    await at('2026-11-28T03:00:00Z')
    await failIt()
    expect(await recipe('bad')).toMatchObject({ failures: 1, paused: '' })
    await at('2026-11-29T03:00:00Z')
    await failIt()
    const why = '2 builds failed in a row, the last one so: no space'
    expect(await recipe('bad')).toMatchObject({ failures: 2, paused: why, nextTime: undefined })
    expect(await at('2027-11-29T03:00:00Z')).toEqual([])
    const resumed = await producer.builds.resumeRecipe({
      requestId: randomUUID(),
      name: 'bad',
      etag: '',
    })
    expect(resumed.recipe).toMatchObject({
      failures: 0,
      paused: '',
      nextTime: new Date('2026-11-28T03:00:00Z'),
    })
  })

  test('begin anew with a new version', async () => {
    await putRecipe(producer, 'mended', { schedule: '{cron: 0 3 * * *, pause_after: 1}' })
    await producer.builds.deleteRecipe({ requestId: randomUUID(), name: 'bad', etag: '' })
    await at('2026-11-28T03:00:00Z')
    await failIt()
    const why = 'The last build failed: no space'
    expect(await recipe('mended')).toMatchObject({ failures: 1, paused: why })
    const mended = await putRecipe(producer, 'mended', { schedule: daily, notes: 'mended' })
    expect(mended).toMatchObject({ version: 2, paused: '', failures: 0 })
    // A time that was built for is not built for again, whatever the clock says.
    expect(await at('2026-11-28T03:00:00Z')).toEqual([])
    expect(await at('2026-11-29T03:00:00Z')).toEqual(['mended'])
    await failIt()
  })

  test('of a recipe that cannot be read any more are paused, and keep no other from theirs', async () => {
    await putRecipe(producer, 'old', { schedule: daily })
    await putRecipe(producer, 'young', { schedule: daily })
    await portal.sql`update recipe_version set text = 'line: x' where recipe = 'old'`
    expect(await at('2026-11-28T03:00:00Z')).toEqual(['young'])
    expect((await recipe('old'))?.paused).toMatch(/^The recipe cannot be used:\n {2}line 1/)
  })
})
