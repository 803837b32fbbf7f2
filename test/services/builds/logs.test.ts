import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import type { BlobStore } from '../../../lib/chunks/blobs.ts'
import { openDirectory } from '../../../lib/chunks/directory.ts'
import { BuildState, type WatchBuildResponse } from '../../../proto/gen/merge/image/v1/build.ts'
import { archiveLogs, sweepLogs } from '../../../services/builds/archive.ts'
import { claim, fail, log, putRecipe, run } from '../../support/builds.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('the log of a build', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients
  let blobs: BlobStore & AsyncDisposable

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer:alice')
    builder = portal.as('agent:portal')
    await putRecipe(producer, 'std')
    // A second portal on the same store.
    const path = join(portal.folder, 'portal', 'chunks')
    blobs = await openDirectory({ path, startedAt: 0 })
  })

  afterAll(async () => {
    await blobs[Symbol.asyncDispose]()
    await portal[Symbol.asyncDispose]()
  })

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
    // The portal does the same by itself every other second; whoever is first does it.
    await archiveLogs({ sql: portal.sql, blobs, newUlid: ulid }, new AbortController().signal)
    expect(await portal.sql`select from build_log where build = ${name}`).toHaveLength(0)
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

  test('that a crash left as an object that nobody knows goes after a day, and no other', async () => {
    const now = new Date()
    const dayMs = 24 * 60 * 60 * 1000
    const put = async (time: Date): Promise<string> => {
      const key = `logs/${ulid(time.getTime())}`
      await blobs.put(key, [Buffer.from('lost')])
      return key
    }
    const old = await put(new Date(now.getTime() - dayMs - 1000))
    const young = await put(new Date(now.getTime() - dayMs + 60_000))
    const kept = await portal.sql<{ logKey: string }[]>`
      select log_key from build where log_key is not null`
    expect(kept.length).toBeGreaterThan(0)
    const keys = async () => {
      const found = []
      for await (const { key } of blobs.list('logs/')) found.push(key)
      return found.toSorted()
    }
    await sweepLogs({ sql: portal.sql, blobs }, now)
    expect(await keys()).toEqual([young, ...kept.map(({ logKey }) => logKey)].toSorted())
    expect(await keys()).not.toContain(old)
    // However old they are, those that a build names stay.
    const years = new Date(now.getTime() + 1000 * dayMs)
    await sweepLogs({ sql: portal.sql, blobs }, years)
    expect(await keys()).toEqual(kept.map(({ logKey }) => logKey).toSorted())
  })
})
