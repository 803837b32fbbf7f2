import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import {
  answerScan,
  askScan,
  fatesOf,
  foundItem,
  getSource,
  importItem,
  itemsOf,
  putSource,
  sourceText,
} from '../../support/sources.ts'

describe('sources', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let manager: Clients
  let importer: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    await makeFacilities(portal.as('admin'), 'lab1')
    producer = portal.as('producer:alice')
    manager = portal.as('manager:lab1')
    importer = portal.as('agent:portal')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const put = (name: string, text: string, more: { etag?: string; validateOnly?: boolean } = {}) =>
    producer.sources.putSource({
      ...{ requestId: randomUUID(), name, text, etag: '', validateOnly: false },
      ...more,
    })
  const names = async (clients: Clients, namespace = '') =>
    (await clients.sources.listSources({ namespace, pageSize: 0, pageToken: '' })).sources.map(
      ({ name }) => name,
    )

  const disk = (day: string) => `24.04/amd64/disk-${day}.img`

  /** Scans with this as what there is. */
  async function found(source: string, ...items: Parameters<typeof foundItem>[]) {
    await askScan(producer, source)
    return answerScan(importer, 'portal', { items: items.map((item) => foundItem(...item)) })
  }

  test('are kept as they were put, and the same text changes nothing', async () => {
    const first = await putSource(producer, 'kept', sourceText())
    expect(first).toMatchObject({
      ...{ version: 1, kind: 'directory', line: 'ubuntu-{release}-std-{arch}', cron: '' },
      ...{ creator: 'producer:alice', nextTime: undefined, lastScan: undefined, paused: '' },
    })
    expect(await putSource(producer, 'kept', sourceText())).toEqual(first)
    const second = await putSource(producer, 'kept', sourceText({ newest: '2' }))
    expect(second.version).toBe(2)
    expect(second.etag).not.toBe(first.etag)
  })

  test('are changed only as they were seen, if somebody asks so', async () => {
    const { etag } = await putSource(producer, 'seen', sourceText())
    const changed = sourceText({ newest: '3' })
    await expect(put('seen', changed, { etag: 'new' })).rejects.toMatchObject({
      reason: 'ETAG_MISMATCH',
    })
    await put('seen', changed, { etag })
    await expect(put('seen', sourceText(), { etag })).rejects.toMatchObject({
      reason: 'ETAG_MISMATCH',
    })
    await expect(put('unseen', changed, { etag: '1' })).rejects.toMatchObject({
      reason: 'ETAG_MISMATCH',
    })
  })

  test('can be tried without being kept', async () => {
    const { source } = await put('tried', sourceText(), { validateOnly: true })
    expect(source).toMatchObject({ name: 'tried', version: 1 })
    expect(await names(producer)).not.toContain('tried')
  })

  test.each([
    [
      'of a line that no catalogue has',
      sourceText({ line: 'beos-5-std-x86' }),
      /`line` cannot be imported/,
    ],
    [
      'of somebody else',
      sourceText({ line: 'lab1/ubuntu-{release}-std-{arch}' }),
      /belongs to lab1/,
    ],
    ['of no YAML', 'place: [', /line 1, column/],
  ])('%s are refused', async (_, text, why) => {
    const failed = expect(put('wrong', text)).rejects
    await failed.toMatchObject({ reason: 'INVALID_SOURCE' })
    await expect(put('wrong', text)).rejects.toThrow(why)
  })

  test('of a facility are its own', async () => {
    const text = sourceText({ line: 'lab1/ubuntu-{release}-mine-{arch}' })
    await putSource(manager, 'lab1/own', text)
    expect(await names(manager, 'lab1')).toEqual(['lab1/own'])
    expect(await names(producer)).not.toContain('lab1/own')
    await expect(names(producer, 'lab1')).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
  })

  test('that are deleted import no more, and know what they imported if they are put again', async () => {
    await putSource(producer, 'ended', sourceText())
    await found('ended', [disk('20240601')])
    const request = { requestId: randomUUID(), name: 'ended', etag: '' }
    const { source } = await producer.sources.deleteSource(request)
    expect(source?.deleteTime).toBeInstanceOf(Date)
    expect(await names(producer)).not.toContain('ended')
    await expect(askScan(producer, 'ended')).rejects.toMatchObject({ reason: 'SOURCE_NOT_FOUND' })
    await expect(importItem(producer, 'ended', '')).rejects.toMatchObject({
      reason: 'SOURCE_NOT_FOUND',
    })
    expect(await putSource(producer, 'ended', sourceText())).toMatchObject({
      deleteTime: undefined,
      version: 2,
    })
    expect(await fatesOf(producer, 'ended')).toEqual({ [disk('20240601')]: 'under_way' })
  })

  test('tell when they are scanned', async () => {
    const schedule = '{cron: 17 3 * * *, time_zone: Europe/Berlin}'
    const { nextTime } = await putSource(producer, 'daily', sourceText({ schedule }))
    const request = { name: 'daily', count: 2, after: undefined }
    const { times, timeZone } = await producer.sources.previewSourceSchedule(request)
    expect(times).toEqual([new Date('2026-11-28T02:17:00Z'), new Date('2026-11-29T02:17:00Z')])
    expect(timeZone).toBe('Europe/Berlin')
    expect(nextTime).toEqual(times[0])
  })

  test('import what a scan found, each once, with what it needs to know', async () => {
    await putSource(producer, 'cloud', sourceText({ newest: '2', release: 'automatic' }))
    const scan = await found(
      'cloud',
      [disk('20240601')],
      [disk('20240501')],
      [disk('20240401')],
      ['README'],
    )
    expect(scan).toMatchObject({ items: 4, agent: 'agent:portal', requester: 'producer:alice' })
    expect(scan?.builds).toHaveLength(2)
    const builds = await Promise.all(
      (scan?.builds ?? []).map(async (name) => (await producer.builds.getBuild({ name })).build),
    )
    expect(builds.map((build) => build?.origin)).toMatchObject([
      {
        source: 'cloud',
        item: disk('20240501'),
        itemVersion: 'v1',
        url: `file:///srv/images/${disk('20240501')}`,
      },
      { source: 'cloud', item: disk('20240601') },
    ])
    expect(await fatesOf(producer, 'cloud')).toEqual({
      [disk('20240401')]: 'older',
      [disk('20240501')]: 'under_way',
      [disk('20240601')]: 'under_way',
      README: 'unfit',
    })
    expect((await found('cloud', [disk('20240601')], [disk('20240501')]))?.builds).toEqual([])
    expect(await importItem(producer, 'cloud', '')).toEqual([])
  })

  test('are told page by page', async () => {
    const all = (await itemsOf(producer, 'cloud')).map(({ name }) => name)
    const page = await producer.sources.listSourceItems({
      source: 'cloud',
      pageSize: 1,
      pageToken: '',
    })
    const rest = { source: 'cloud', pageSize: 5, pageToken: page.nextPageToken }
    const more = await producer.sources.listSourceItems(rest)
    expect([...page.items, ...more.items].map(({ name }) => name)).toEqual(all)
    expect(more.nextPageToken).toBe('')
  })

  test('import an item that somebody asks for, if it is of a line', async () => {
    await putSource(producer, 'asked', sourceText())
    await found('asked', [disk('20240601')], [disk('20240501')], ['README'])
    const [build] = await importItem(producer, 'asked', disk('20240501'))
    expect(build).toMatchObject({ target: 'ubuntu-2404.0-std-x86', builderKind: 4 })
    const refused = { reason: 'ITEM_NOT_IMPORTED' }
    await expect(importItem(producer, 'asked', disk('20240501'))).rejects.toMatchObject(refused)
    await expect(importItem(producer, 'asked', 'README', true)).rejects.toMatchObject(refused)
    await expect(importItem(producer, 'asked', 'gone')).rejects.toMatchObject({
      reason: 'ITEM_NOT_FOUND',
    })
  })

  test('say what nobody can import', async () => {
    await expect(getSource(producer, 'nowhere')).rejects.toMatchObject({
      reason: 'SOURCE_NOT_FOUND',
    })
    await expect(getSource(producer, 'No Name')).rejects.toMatchObject({ reason: 'INVALID_NAME' })
    await expect(itemsOf(producer, 'nowhere')).rejects.toMatchObject({ reason: 'SOURCE_NOT_FOUND' })
    const scan = { name: 'nowhere', waitSeconds: 0 }
    await expect(producer.sources.getScan(scan)).rejects.toMatchObject({ reason: 'SCAN_NOT_FOUND' })
  })
})
