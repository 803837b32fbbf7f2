import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { makeLog } from '../../../lib/log.ts'
import { queueDueScans, takeBackLapsed } from '../../../services/sources/keeping.ts'
import { ReportScanRequest, ScanState } from '../../../proto/gen/merge/image/v1/source.ts'
import { BuilderKind } from '../../../proto/gen/merge/image/v1/recipe.ts'
import { claim, fail, finish } from '../../support/builds.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import {
  answerScan,
  askScan,
  ended,
  fatesOf,
  foundItem,
  getSource,
  putSource,
  scanState,
  sourceText,
} from '../../support/sources.ts'

describe('scans', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let importer: Clients
  let count = 0
  let source: string

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    await makeFacilities(portal.as('admin'), 'lab1')
    producer = portal.as('producer:alice')
    importer = portal.as('agent:portal')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const schedule = '{cron: 17 3 * * *, pause_after: 2}'

  beforeEach(async () => {
    source = `source-${++count}`
    await putSource(producer, source, sourceText({ schedule, line: `ubuntu-{release}-std-{arch}` }))
  })

  const log = makeLog('silent')
  const at = (time: string) =>
    queueDueScans({ sql: portal.sql, newUlid: ulid, log, now: () => new Date(time) })
  const claimScan = (claimed = randomUUID(), clients = importer) =>
    clients.sources.claimScan({ facility: 'portal', claim: claimed, waitSeconds: 0 })
  const report = (claimed: string, more: Partial<ReportScanRequest> = {}) =>
    importer.sources.reportScan(ReportScanRequest.create({ claim: claimed, ...more }))
  const disk = (day: string) => `24.04/amd64/disk-${day}.img`
  const importing = { kinds: [BuilderKind.BUILDER_KIND_IMPORT] }

  test('go to one agent each, the same to the same claim', async () => {
    const name = await askScan(producer, source)
    const mine = randomUUID()
    expect((await claimScan(mine)).scan).toMatchObject({ name, agent: 'agent:portal' })
    expect(await claimScan(mine)).toMatchObject({ scan: { name }, source: { name: source } })
    expect((await claimScan()).scan).toBeUndefined()
    await report(mine, { last: true })
  })

  test('are one at a time; a preview is no answer to who wants to import', async () => {
    const name = await askScan(producer, source, true)
    expect(await askScan(producer, source, true)).toBe(name)
    await expect(askScan(producer, source)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
    await answerScan(importer, 'portal', { items: [foundItem(disk('20240601'))] })
    expect(await ended(producer, name)).toMatchObject({ preview: true, builds: [] })
    expect(await fatesOf(producer, source)).toEqual({ [disk('20240601')]: 'wanted' })
  })

  test('are told in parts, of which none counts twice, and count when they are whole', async () => {
    await askScan(producer, source, true)
    const mine = randomUUID()
    await claimScan(mine)
    const part = { items: [foundItem('a'), foundItem('b')] }
    await report(mine, part)
    await report(mine, part)
    expect(await fatesOf(producer, source)).toEqual({})
    const { scan } = await report(mine, { items: [foundItem('c')], last: true })
    expect(scan?.items).toBe(3)
    expect(Object.keys(await fatesOf(producer, source))).toEqual(['a', 'b', 'c'])
    expect(await report(mine, { last: true })).toEqual({ scan })
    await expect(report(mine, part)).rejects.toMatchObject({ reason: 'SCAN_LOST' })
  })

  test('that fail leave what was known', async () => {
    await askScan(producer, source, true)
    await answerScan(importer, 'portal', { items: [foundItem('a')] })
    const name = await askScan(producer, source, true)
    await answerScan(importer, 'portal', { error: 'nothing answers' })
    expect(await ended(producer, name)).toMatchObject({ message: 'nothing answers' })
    expect(Object.keys(await fatesOf(producer, source))).toEqual(['a'])
  })

  test('of more than anybody can look through fail, and say what to do', async () => {
    await askScan(producer, source, true)
    const mine = randomUUID()
    await claimScan(mine)
    for (let part = 0; part <= 10; part++) {
      const items = Array.from({ length: 1000 }, (_, i) => foundItem(`${part}/${i}`))
      await report(mine, { items })
      if (part === 9) await report(mine, { items })
    }
    const { lastScan } = await getSource(producer, source)
    expect(lastScan?.message).toContain('There are more than 10000 items')
    expect(await fatesOf(producer, source)).toEqual({})
  })

  test('of an agent that went away go to another, three times in all', async () => {
    const name = await askScan(producer, source, true)
    for (const last of [false, false, true]) {
      const mine = randomUUID()
      await claimScan(mine)
      await report(mine, { items: [foundItem('half')] })
      await portal.sql`update scan set lease_time = now() - interval '1 second' where name = ${name}`
      await takeBackLapsed({ sql: portal.sql, log })
      const lost = expect(report(mine, { items: [] })).rejects
      await lost.toMatchObject({ reason: 'SCAN_LOST' })
      const { scan } = await producer.sources.getScan({ name, waitSeconds: 0 })
      expect(scan?.state).toBe(last ? ScanState.SCAN_STATE_FAILED : ScanState.SCAN_STATE_QUEUED)
    }
    expect(await fatesOf(producer, source)).toEqual({})
  })

  test.each([
    [foundItem('a\nb')],
    [foundItem('')],
    [foundItem('x'.repeat(601))],
    [foundItem('x', { version: '' })],
    [foundItem('x', { sha256: 'A'.repeat(64) })],
    [foundItem('x', { fields: { f: 'x'.repeat(501) } })],
  ])('with an item that is none are refused: %#', async (item) => {
    await askScan(producer, source, true)
    const mine = randomUUID()
    await claimScan(mine)
    await expect(report(mine, { items: [item] })).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
    await report(mine, { error: 'x' })
  })

  test('are reported by whom they were given to', async () => {
    await askScan(producer, source, true)
    const mine = randomUUID()
    await claimScan(mine)
    const other = portal.as('agent:lab1').sources
    const request = ReportScanRequest.create({ claim: mine, last: true })
    await expect(other.reportScan(request)).rejects.toMatchObject({ reason: 'SCAN_LOST' })
    await report(mine, { last: true })
  })

  test('come by schedule; what was missed comes once', async () => {
    await portal.sql`update source set next_time = null where name <> ${source}`
    expect(await at('2026-11-28T03:16:59Z')).toEqual([])
    expect(await at('2026-12-05T12:00:00Z')).toEqual([source])
    expect(await at('2026-12-05T12:00:01Z')).toEqual([])
    await answerScan(importer, 'portal', {})
    expect(await at('2026-12-05T12:00:02Z')).toEqual([])
    const { nextTime, lastScan } = await getSource(producer, source)
    expect(nextTime).toEqual(new Date('2026-12-06T03:17:00Z'))
    expect(lastScan).toMatchObject({ requester: 'schedule' })
    expect(lastScan && scanState(lastScan)).toBe('done')
  })

  test('and imports that fail so many times in a row pause the schedule, and say why', async () => {
    await askScan(producer, source)
    await answerScan(importer, 'portal', { items: [foundItem(disk('20240601'))] })
    const job = await claim(importer, importing)
    expect(job.order).toMatchObject({ name: disk('20240601'), version: 'v1', sizeBytes: 300_000n })
    await fail(importer, job.claim, 'it is no disk')
    expect(await getSource(producer, source)).toMatchObject({ failures: 1, paused: '' })
    await askScan(producer, source)
    await answerScan(importer, 'portal', { error: 'nothing answers' })
    const paused = await getSource(producer, source)
    expect(paused).toMatchObject({ failures: 2, nextTime: undefined })
    expect(paused.paused).toBe(
      '2 scans and imports failed in a row, the last one so: nothing answers',
    )
    const request = { requestId: randomUUID(), name: source, etag: '' }
    const { source: resumed } = await producer.sources.resumeSource(request)
    expect(resumed).toMatchObject({
      failures: 0,
      paused: '',
      nextTime: new Date('2026-11-28T03:17:00Z'),
    })
  })

  test('an import ends with its image, which has the day of the item, and is not done again', async () => {
    const sha256 = 'b'.repeat(64)
    await askScan(producer, source)
    const items = [foundItem(disk('20240701'), { sha256 })]
    await answerScan(importer, 'portal', { items })
    const job = await claim(importer, importing)
    expect(job.build.image).toMatch(/^ubuntu-2404\.0-std-x86-20240701(\.\d)?$/)
    const image = await finish(importer, job, Buffer.from(source), {
      inputsDigest: `sha256:${sha256}`,
      checks: [],
    })
    expect(image.provenance?.origin).toMatchObject({ source, item: disk('20240701'), sha256 })
    expect(await getSource(producer, source)).toMatchObject({ failures: 0 })
    const renamed = foundItem(disk('20240801'), { sha256 })
    await askScan(producer, source)
    expect(await answerScan(importer, 'portal', { items: [...items, renamed] })).toMatchObject({
      builds: [],
    })
    expect(await fatesOf(producer, source)).toEqual({
      [disk('20240701')]: 'imported',
      [disk('20240801')]: 'imported',
    })
  })

  test('an import that was failed is tried again by hand, with the kernel of its disk', async () => {
    const kernel = '"{release}/{arch}/vmlinuz-{date}"'
    await putSource(producer, source, sourceText({ kernel }))
    await askScan(producer, source)
    const told = { version: 'k1', sha256: 'c'.repeat(64), sizeBytes: 5000n }
    const vmlinuz = foundItem('24.04/amd64/vmlinuz-20240901', told)
    await answerScan(importer, 'portal', { items: [foundItem(disk('20240901')), vmlinuz] })
    const job = await claim(importer, importing)
    const parts = [{ kind: 'kernel', name: vmlinuz.name, ...told }]
    expect(job.order).toMatchObject({ name: disk('20240901'), parts })
    await fail(importer, job.claim)
    const request = { requestId: randomUUID(), name: job.build.name, reason: '' }
    const { build } = await producer.builds.retryBuild(request)
    expect(build).toMatchObject({
      retryOf: job.build.name,
      origin: { item: disk('20240901'), parts },
    })
    expect((await claim(importer, importing)).order).toEqual(job.order)
  })

  test('an agent that knows nothing of kernels imports no disk without the one that belongs to it', async () => {
    await putSource(producer, source, sourceText({ kernel: '"{release}/{arch}/vmlinuz-{date}"' }))
    await askScan(producer, source)
    const vmlinuz = foundItem('24.04/amd64/vmlinuz-20241001', { sha256: 'd'.repeat(64) })
    await answerScan(importer, 'portal', { items: [foundItem(disk('20241001')), vmlinuz] })
    const job = await claim(importer, importing)
    await expect(finish(importer, job, Buffer.from(source), { checks: [] })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      message: expect.stringContaining('kernel'),
    })
    await fail(importer, job.claim)
    // Another agent may yet.
    expect(await fatesOf(producer, source)).toMatchObject({ [disk('20241001')]: 'under_way' })
  })
})
