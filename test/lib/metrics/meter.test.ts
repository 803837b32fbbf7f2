import { describe, expect, test } from '@jest/globals'
import { callsInto } from '../../../lib/metrics/calls.ts'
import { type Figure, openMeter } from '../../../lib/metrics/meter.ts'
import { serveMeter } from '../../../lib/metrics/page.ts'
import { figuresAt } from '../../support/figures.ts'

const kinds = {
  images: { kind: 'gauge', help: 'Images.', labels: ['state'] },
  sent_bytes_total: { kind: 'count', help: 'Bytes.' },
} as const

type Read = readonly Figure<keyof typeof kinds>[]

async function meterOf(read: () => Promise<Read>) {
  const failed: string[] = []
  const meter = openMeter((of) => failed.push(of))
  meter.reading('database', kinds, read)
  const serving = await serveMeter(meter, '127.0.0.1:0')
  const address = `127.0.0.1:${serving.port}`
  const look = () => figuresAt(address)
  return {
    meter,
    failed,
    address,
    look,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

describe('the figures of a process', () => {
  test('are read whenever somebody looks, and those of the process are there', async () => {
    let value = 1
    await using told = await meterOf(() =>
      Promise.resolve([
        { name: 'images', labels: { state: 'present' }, value },
        { name: 'sent_bytes_total', value: 10 * value },
      ]),
    )
    const first = await told.look()
    expect(first).toMatchObject({ 'images{state="present"}': 1, sent_bytes_total: 10 })
    expect(first['process_resident_memory_bytes']).toBeGreaterThan(0)
    value = 2
    expect(await told.look()).toMatchObject({
      'images{state="present"}': 2,
      sent_bytes_total: 20,
      'reading_failed{of="database"}': 0,
    })
  })

  test('are not told any more once they are not read any more', async () => {
    const rows: Figure<'images'>[] = [{ name: 'images', labels: { state: 'gone' }, value: 1 }]
    await using told = await meterOf(() => Promise.resolve(rows))
    await told.look()
    rows.length = 0
    expect(await told.look()).not.toHaveProperty('images{state="gone"}')
  })

  test('that cannot be read are left out, and said to be; the others are told', async () => {
    await using told = await meterOf(() => Promise.reject(new Error('the database is away')))
    callsInto(told.meter)({ method: '/a/B', code: 'OK', ms: 7, isStream: false })
    const figures = await told.look()
    expect(figures).toMatchObject({
      'reading_failed{of="database"}': 1,
      'calls_total{method="/a/B",code="OK"}': 1,
    })
    expect(Object.keys(figures).filter((name) => name.startsWith('images'))).toEqual([])
    expect(told.failed).toEqual(['database'])
  })

  test('are read once for all who look at the same time', async () => {
    const waiting: ((rows: Read) => void)[] = []
    await using told = await meterOf(() => new Promise((resolve) => waiting.push(resolve)))
    const looks = [told.meter.text(), told.meter.text(), told.meter.text()]
    for (const answer of waiting) answer([])
    expect(new Set(await Promise.all(looks)).size).toBe(1)
    expect(waiting).toHaveLength(1)
  })

  test('have no place for those of another process', async () => {
    await using one = await meterOf(() => Promise.resolve([]))
    await using other = await meterOf(() => Promise.resolve([]))
    callsInto(one.meter)({ method: '/a/B', code: 'OK', ms: 7, isStream: true })
    expect(await other.look()).not.toHaveProperty('calls_total{method="/a/B",code="OK"}')
    expect(await one.look()).not.toHaveProperty('call_seconds_count{method="/a/B"}')
  })

  test('are all that is there, and are only read', async () => {
    await using told = await meterOf(() => Promise.resolve([]))
    const at = (path: string, method = 'GET') =>
      fetch(`http://${told.address}${path}`, { method }).then(({ status }) => status)
    expect(await at('/')).toBe(404)
    expect(await at('/metrics/x')).toBe(404)
    expect(await at('/metrics', 'POST')).toBe(405)
    const { headers } = await fetch(`http://${told.address}/metrics`)
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  })
})
