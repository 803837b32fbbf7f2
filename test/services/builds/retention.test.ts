import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import type { BlobStore } from '../../../lib/chunks/blobs.ts'
import { openDirectory } from '../../../lib/chunks/directory.ts'
import { ReportBuildRequest, type Build } from '../../../proto/gen/merge/image/v1/build.ts'
import { archiveLogs, dropLogs } from '../../../services/builds/archive.ts'
import { claim, fail, finish, log, putRecipe, run } from '../../support/builds.ts'
import { restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const dayMs = 24 * 60 * 60 * 1000
const never = new AbortController().signal

describe('logs that are old', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let builder: Clients
  let blobs: BlobStore & AsyncDisposable

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    producer = portal.as('producer')
    builder = portal.as('agent:portal')
    await putRecipe(producer, 'std')
    const path = join(portal.folder, 'portal', 'chunks')
    blobs = await openDirectory({ path, startedAt: 0 })
  })

  afterAll(async () => {
    await blobs[Symbol.asyncDispose]()
    await portal[Symbol.asyncDispose]()
  })

  async function build(end: 'fails' | 'makes an image'): Promise<string> {
    const name = await run(producer, 'std')
    const mine = await claim(builder)
    await log(builder, mine, 'hello\n')
    if (end === 'fails') await fail(builder, mine.claim)
    else await finish(builder, mine, randomBytes(100))
    return name
  }

  /** All logs are objects, and so many days old. */
  async function age(days: number): Promise<void> {
    await archiveLogs({ sql: portal.sql, blobs, newUlid: ulid }, never)
    const [left] = await portal.sql`select from build_log`
    expect(left).toBeUndefined()
    await portal.sql`
      update build set create_time = now() - make_interval(days => ${days}), end_time = now() - make_interval(days => ${days})
      where end_time is not null`
  }

  const drop = (days: number) => dropLogs({ sql: portal.sql, blobs }, days * dayMs, never)
  const get = async (name: string): Promise<Build> => {
    const { build } = await producer.builds.getBuild({ name })
    if (build === undefined) throw new Error('no build came back')
    return build
  }
  const watch = (name: string, logOffset = 0n) =>
    producer.builds.watchBuild({ name, logOffset })[Symbol.asyncIterator]()
  async function text(name: string): Promise<string> {
    const parts = []
    for await (const { part } of producer.builds.readBuildLog({ name, offset: 0n }))
      parts.push(part)
    return Buffer.concat(parts).toString()
  }

  test('go, but those of images that are there and of the newest of each recipe', async () => {
    const [failed, made] = [await build('fails'), await build('makes an image')]
    const newest = []
    for (let i = 0; i < 20; i++) newest.push(await build('fails'))
    const before = await get(failed)
    await age(400)
    const [row] = await portal.sql<{ logKey: string }[]>`
      select log_key from build where name = ${failed}`
    expect(await drop(401)).toEqual([])
    expect(await drop(0)).toEqual([])
    expect(await drop(399)).toEqual([failed])
    expect(await drop(399)).toEqual([])
    expect(await blobs.stat(row?.logKey ?? '')).toBeUndefined()
    for (const name of [made, ...newest]) expect(await text(name)).toMatch(/^hello\n-- /)

    const { logBytes, logDigest, logGoneTime } = await get(failed)
    expect({ logBytes, logDigest }).toEqual({
      logBytes: before.logBytes,
      logDigest: before.logDigest,
    })
    expect(Math.abs((logGoneTime?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
    const expired = {
      kind: 'precondition',
      reason: 'LOG_EXPIRED',
      facts: { time: logGoneTime?.toISOString() },
    }
    await expect(text(failed)).rejects.toMatchObject(expired)
    const watching = watch(failed)
    expect((await watching.next()).value).toMatchObject({ build: { name: failed, logGoneTime } })
    await expect(watching.next()).rejects.toMatchObject(expired)
    // Whoever has read it all is told that this was all.
    const last = watch(failed, logBytes)
    expect((await last.next()).value).toMatchObject({ logOffset: logBytes })
    expect((await last.next()).value).toMatchObject({ logOffset: logBytes })
    expect((await last.next()).done).toBe(true)

    // What is gone is no log that waits to be put away.
    await archiveLogs({ sql: portal.sql, blobs, newUlid: ulid }, never)
    expect((await get(failed)).logGoneTime).toEqual(logGoneTime)

    await restate(portal.sql, (await get(made)).image, { storage: 'expired' })
    expect(await drop(399)).toEqual([made])
  })

  test('of builds that ran elsewhere are kept from when they were told', async () => {
    const name = await report(producer, new Date('2020-01-01T00:00:00Z'))
    await archiveLogs({ sql: portal.sql, blobs, newUlid: ulid }, never)
    expect(await drop(399)).toEqual([])
    await age(400)
    expect(await drop(399)).toEqual([name])
  })
})

test('a portal looks for logs that are old once an hour, and keeps them as long as it is told', async () => {
  let now = Date.parse('2026-11-27T12:00:00Z')
  await using portal = await freshPortal(() => new Date(now), undefined, ['--keep-logs', '1ms'])
  const producer = portal.as('producer')
  const name = await report(producer)
  const read = async () => {
    const parts = []
    for await (const { part } of producer.builds.readBuildLog({ name, offset: 0n }))
      parts.push(part)
    return Buffer.concat(parts).toString()
  }
  expect(await read()).toContain('hello')
  while ((await producer.builds.getBuild({ name })).build?.logGoneTime === undefined) {
    now += 60 * 60 * 1000
  }
  await expect(read()).rejects.toMatchObject({ reason: 'LOG_EXPIRED' })
}, 30_000)

/** Tells of a build that failed elsewhere. */
async function report({ builds }: Clients, endTime?: Date): Promise<string> {
  const request = ReportBuildRequest.create({
    requestId: randomUUID(),
    target: 'debian-13',
    failure: 2,
    message: 'it broke',
    builder: 'pipeline',
    endTime,
    log: Buffer.from('hello\n'),
  })
  return (await builds.reportBuild(request)).build?.name ?? ''
}
