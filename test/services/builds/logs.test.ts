import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { BuildState, type WatchBuildResponse } from '../../../proto/gen/merge/image/v1/build.ts'
import { claim, fail, log, putRecipe, run } from '../../support/builds.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('the log of a build', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer:alice')
    builder = portal.as('agent:portal')
    await putRecipe(producer, 'std')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

  function watch(name: string, logOffset = 0n): AsyncIterator<WatchBuildResponse> {
    return producer.builds.watchBuild({ name, logOffset })[Symbol.asyncIterator]()
  }

  /** The log that a watcher has seen when its stream ends, and the last build that it was told. */
  async function watched(name: string, logOffset = 0n) {
    const parts: Buffer[] = []
    let last: WatchBuildResponse['build']
    for await (const one of producer.builds.watchBuild({ name, logOffset })) {
      if (one.build !== undefined) last = one.build
      parts.push(one.log)
    }
    return { text: Buffer.concat(parts).toString(), state: last?.state }
  }

  test('is watched live, with its state, as it comes, until the build ends', async () => {
    const name = await run(producer, 'std')
    const stream = watch(name)
    const next = async () => (await stream.next()).value as WatchBuildResponse
    expect((await next()).build?.state).toBe(BuildState.BUILD_STATE_QUEUED)
    const mine = await claim(builder)
    expect((await next()).build?.state).toBe(BuildState.BUILD_STATE_RUNNING)
    await log(builder, mine, 'one\n')
    expect(await next()).toMatchObject({ logOffset: 0n, log: Buffer.from('one\n') })
    await log(builder, mine, 'two\n', 4)
    expect(await next()).toMatchObject({ logOffset: 4n, log: Buffer.from('two\n') })
    await fail(builder, mine.claim, 'it broke')
    expect((await next()).build?.state).toBe(BuildState.BUILD_STATE_FAILED)
    expect((await next()).log.toString()).toBe('-- failed: it broke\n')
    expect((await next()).build).toMatchObject({
      state: BuildState.BUILD_STATE_FAILED,
      logDigest: sha256('one\ntwo\n-- failed: it broke\n'),
    })
    expect((await stream.next()).done).toBe(true)
  })

  test('is watched by many, early, late and again, and nobody loses a byte', async () => {
    const name = await run(producer, 'std')
    const early = Array.from({ length: 5 }, () => watched(name))
    const mine = await claim(builder)
    let text = ''
    const late = []
    for (let i = 0; i < 40; i++) {
      const line = `${i} ${'.'.repeat(i * 50)}\n`
      await log(builder, mine, line, text.length)
      text += line
      if (i === 20) late.push(watched(name), watched(name, 1000n))
    }
    await fail(builder, mine.claim, 'it broke')
    text += '-- failed: it broke\n'
    const state = BuildState.BUILD_STATE_FAILED
    for (const one of await Promise.all(early)) expect(one).toEqual({ text, state })
    const [whole, part] = await Promise.all(late)
    expect(whole).toEqual({ text, state })
    expect(part).toEqual({ text: text.slice(1000), state })
    expect(await watched(name)).toEqual({ text, state })
  })

  test('is an object once the build ended, to be read from any byte', async () => {
    const name = await run(producer, 'std')
    const mine = await claim(builder)
    const text = randomBytes(300_000).toString('hex')
    for (let at = 0; at < text.length; at += 200_000) {
      await log(builder, mine, text.slice(at, at + 200_000), at)
    }
    await fail(builder, mine.claim, 'it broke')
    for (;;) {
      const [row] = await portal.sql`
        select log_key, (select count(*)::int from build_log where build = name) as rows
        from build where name = ${name}`
      if (row?.['logKey'] !== null) {
        expect(row?.['rows']).toBe(0)
        break
      }
      await new Promise(setImmediate)
    }
    const whole = `${text}-- failed: it broke\n`
    expect((await watched(name)).text).toBe(whole)
    for (const offset of [0, 1, 262_144, 599_999, whole.length]) {
      const parts = []
      const request = { name, offset: BigInt(offset) }
      for await (const one of producer.builds.readBuildLog(request)) parts.push(one)
      expect(Buffer.concat(parts.map(({ part }) => part)).toString()).toBe(whole.slice(offset))
      expect(parts[0]?.offset ?? BigInt(offset)).toBe(BigInt(offset))
    }
    const beyond = { name, offset: BigInt(whole.length + 1) }
    await expect(
      producer.builds.readBuildLog(beyond)[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
  })
})
