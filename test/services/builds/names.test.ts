import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { makeLog } from '../../../lib/log.ts'
import { BuildState } from '../../../proto/gen/merge/image/v1/build.ts'
import { takeBackLapsed } from '../../../services/builds/keeping.ts'
import { claim, claimRequest, fail, finish, putRecipe, run } from '../../support/builds.ts'
import type { Claimed } from '../../support/builds.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('the name that a build is given', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients
  let day = 1

  beforeAll(async () => {
    // Each test has a day of its own.
    portal = await freshPortal(() => new Date(Date.UTC(2026, 10, day, 12)))
    producer = portal.as('producer')
    builder = portal.as('agent:portal')
    await putRecipe(producer, 'std')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const nameOf = (serial = 0) =>
    `debian-13.0-std-x86-202611${String(day).padStart(2, '0')}${serial === 0 ? '' : `.${serial}`}`
  const next = async () => {
    await run(producer, 'std')
    return claim(builder, { worker: randomUUID() })
  }
  const skip = async (mine: Claimed, image: string) => {
    const value = { image, inputsDigest: `sha256:${'5a'.repeat(32)}` }
    const answer = await builder.builds.finishBuild({
      claim: mine.claim,
      outcome: { $case: 'skipped', value },
    })
    return answer.build
  }
  const data = () => randomBytes(200)

  test('is that of the next image if there was nothing to make', async () => {
    day = 1
    const { name: first } = await finish(builder, await next(), data())
    const skipped = await next()
    expect([first, skipped.build.image]).toEqual([nameOf(), nameOf(1)])
    const ended = await skip(skipped, first)
    expect(ended).toMatchObject({ state: BuildState.BUILD_STATE_SKIPPED, image: '' })
    expect(await skip(skipped, first)).toEqual(ended)
    const second = await finish(builder, await next(), data())
    expect(second).toMatchObject({ name: nameOf(1) })
    expect(second.provenance?.build).not.toBe(skipped.build.name)
    // Whoever was skipped makes no image of the name after all.
    await expect(finish(builder, skipped, data())).rejects.toMatchObject({ reason: 'BUILD_LOST' })
  })

  test('stays below one that was given meanwhile', async () => {
    day = 2
    const first = await publish(producer, 'debian-13', data())
    const [skipped, other] = [await next(), await next()]
    await skip(skipped, first)
    expect((await finish(builder, other, data())).name).toBe(nameOf(2))
    expect((await next()).build.image).toBe(nameOf(3))
  })

  test('is nobody else’s if the build failed', async () => {
    day = 3
    await fail(builder, (await next()).claim)
    expect((await next()).build.image).toBe(nameOf(1))
  })

  test('is nobody else’s if another builder had the build before', async () => {
    day = 4
    const { name: image } = await finish(builder, await next(), data())
    const { build } = await next()
    await portal.sql`
      update build set lease_time = now() - interval '1 second' where name = ${build.name}`
    await takeBackLapsed({ sql: portal.sql, log: makeLog('silent'), newUlid: ulid })
    const again = await claim(builder, { worker: randomUUID(), waitSeconds: 30 })
    expect(again.build).toMatchObject({ name: build.name, attempt: 2, image: nameOf(1) })
    expect(await skip(again, image)).toMatchObject({ image: nameOf(1) })
    expect((await next()).build.image).toBe(nameOf(2))
  })

  test('is that of one image only, however many are skipped, made and published at a time', async () => {
    day = 5
    const first = await publish(producer, 'debian-13', data())
    const names: string[] = []
    for (let i = 0; i < 40; i++) names.push(await run(producer, 'std'))
    async function work(worker: string, skips: boolean): Promise<void> {
      for (;;) {
        const request = claimRequest({ worker })
        const { build, ...rest } = await builder.builds.claimBuild(request)
        if (build === undefined) return
        const mine = { ...rest, build, claim: request.claim }
        if (skips) await skip(mine, first)
        else await finish(builder, mine, data())
      }
    }
    const published: string[] = []
    await Promise.all([
      ...[0, 1, 2, 3, 4, 5].map((i) => work(`w${i}`, i % 2 === 0)),
      (async () => {
        for (let i = 0; i < 10; i++) published.push(await publish(producer, 'debian-13', data()))
      })(),
    ])
    const rows = await portal.sql<{ state: string; image: string | null; made: string | null }[]>`
      select build.state, build.image, image.name as made
      from build left join image on image.build = build.name where build.name = any (${names})`
    expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['done', 'skipped']))
    for (const { state, image, made } of rows) {
      expect(image).toBe(made)
      expect(made === null).toBe(state === 'skipped')
    }
    const all = [...published, ...rows.flatMap(({ made }) => (made === null ? [] : [made]))]
    expect(new Set(all).size).toBe(all.length)
  })
})
