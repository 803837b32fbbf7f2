import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { BuildState } from '../../../proto/gen/merge/image/v1/build.ts'
import { announceBuild, listenForBuilds } from '../../../services/db/changes.ts'
import { claim, claimRequest, fail, log, putRecipe, run } from '../../support/builds.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('builders in the queue', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients

  beforeAll(async () => {
    const limits = ['--builds-at-once', '6', '--facility-builds-at-once', '1']
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'), undefined, limits)
    producer = portal.as('producer')
    builder = portal.as('agent:portal')
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    await putRecipe(producer, 'std')
  })

  /** Every build of a test has ended after it. */
  afterEach(async () => {
    await portal.sql`
      update build set state = 'cancelled', end_time = now(), lease_time = null where end_time is null`
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  test('that wait are left alone by what others log, and hear of the end', async () => {
    await using news = await listenForBuilds(portal.sql)
    await run(producer, 'std')
    const mine = await claim(builder)
    const ages = [1_000_000, new AbortController().signal] as const
    // Notifications come in order: what was said before this has been heard.
    const heardSoFar = async () => {
      const seen = news.ofBuild('none', ...ages)
      await announceBuild(portal.sql, 'none')
      await seen
    }
    await heardSoFar()
    let rung = 0
    const next = news.ofQueue(null, ...ages).then(() => rung++)
    const progress = { step: 'installing packages', done: 1n, total: 10n }
    await log(builder, mine, 'one\n')
    await builder.builds.heartbeatBuild({ claim: mine.claim, progress })
    await log(builder, mine, 'two\n', 4)
    await heardSoFar()
    expect(rung).toBe(0)
    await fail(builder, mine.claim)
    await next
    expect(rung).toBe(1)
  })

  test('that wait for room hear when there is some', async () => {
    const lab1 = portal.as('agent:lab1')
    await putRecipe(lab1, 'lab1/room', { line: 'lab1/debian-13-room-x86' })
    const [, second] = [await run(lab1, 'lab1/room'), await run(lab1, 'lab1/room')]
    const first = await claim(lab1, { facility: 'lab1' })
    const wish = { facility: 'lab1', worker: 'w2', waitSeconds: 60 }
    const waiting = lab1.builds.claimBuild(claimRequest(wish))
    await fail(lab1, first.claim)
    expect((await waiting).build?.name).toBe(second)
  })

  test('have as many builds at once as there is room for, those of the portal and those of each facility', async () => {
    for (let i = 0; i < 7; i++) await run(producer, 'std')
    const claims = []
    for (let i = 0; i < 6; i++) claims.push(await claim(builder, { worker: `w${i}` }))
    expect((await builder.builds.claimBuild(claimRequest({ worker: 'w7' }))).build).toBeUndefined()
    await fail(builder, claims[0]?.claim ?? '')
    expect((await claim(builder, { worker: 'w7' })).build.state).toBe(
      BuildState.BUILD_STATE_RUNNING,
    )

    // The portal's own leave no room, and take none of the facilities'.
    const lab1 = portal.as('agent:lab1')
    await putRecipe(lab1, 'lab1/tools', { line: 'lab1/debian-13-tools-x86' })
    await run(lab1, 'lab1/tools')
    await run(lab1, 'lab1/tools')
    await claim(lab1, { facility: 'lab1' })
    const more = claimRequest({ facility: 'lab1', worker: 'w2' })
    expect((await lab1.builds.claimBuild(more)).build).toBeUndefined()
    const lab2 = portal.as('agent:lab2')
    await putRecipe(lab2, 'lab2/tools', { line: 'lab2/debian-13-tools-x86' })
    const there = await run(lab2, 'lab2/tools')
    expect((await claim(lab2, { facility: 'lab2' })).build.name).toBe(there)
  })

  test('for the portal do not wait for what facilities build', async () => {
    const facilities = ['lab1', 'lab2', 'lab3', 'lab4', 'lab5', 'lab6']
    await makeFacilities(portal.as('admin'), ...facilities.slice(2))
    for (const facility of facilities) {
      const agent = portal.as(`agent:${facility}`)
      await putRecipe(agent, `${facility}/own`, { line: `${facility}/debian-13-own-x86` })
      await run(agent, `${facility}/own`)
      await claim(agent, { facility })
    }
    const name = await run(producer, 'std')
    expect((await claim(builder)).build.name).toBe(name)
  })
})
