import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('the events', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal()
    await makeFacilities(portal.as('admin:root'), 'lab1', 'lab2')
    const denied = push(portal.as('manager:lab1'), 'lab2', 'debian-13.0-std-x86-20260615')
    await denied.catch(() => undefined)
    while ((await mrg('list', 'events', '--denied', '--json')).out[0] === '[]');
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    const exit = await main(mrgImage, argv, host)
    return { exit, out, err }
  }

  test('are a table, the newest first', async () => {
    const { out } = await mrg('list', 'events')
    const rows = out.join('\n').split('\n')
    expect(rows[0]).toMatch(/^Number +When +Who +What +Of +Outcome +Why$/)
    expect(rows[2]).toMatch(/^ +3 .* manager:lab1 +PushImage +image debian-13\S+ +denied +manager:/)
    expect(rows[4]).toMatch(/^ +1 .* admin:root +CreateFacility +facility lab1 +done +-$/)
  })

  test('are those that were asked for', async () => {
    const numbers = async (...argv: readonly string[]) => {
      const { out } = await mrg('list', 'events', ...argv, '--json')
      return (JSON.parse(out.join('')) as { sequence: number }[]).map(({ sequence }) => sequence)
    }
    expect(await numbers('--facility', 'lab2')).toEqual([3, 2])
    expect(await numbers('--actor', 'admin:root', '--last', '1')).toEqual([2])
    expect(await numbers('--method', 'PushImage', '--denied')).toEqual([3])
    expect(await numbers('--image', 'debian-13.0-std-x86-20260615')).toEqual([3])
    expect(await numbers('--until', '2020-01-01')).toEqual([])
    expect((await mrg('list', 'events', '--last', 'x')).exit).toBe(2)
    expect((await mrg('list', 'events', '--image', 'a', '--alias', 'b')).exit).toBe(2)
  })

  test('as JSON are what is hashed, so that anybody can check them', async () => {
    const { out } = await mrg('list', 'events', '--json')
    const events = JSON.parse(out.join('')) as Record<string, unknown>[]
    let before = '00'.repeat(32)
    for (const { hash, ...rest } of events.toReversed()) {
      expect(rest['prevHash']).toBe(before)
      expect(createHash('sha256').update(sorted(rest)).digest('hex')).toBe(hash)
      before = String(hash)
    }
  })

  test('are watched from any place on', async () => {
    const { exit, out } = await mrg('watch', 'events', '--after', '1', '--count', '2')
    expect(exit).toBe(0)
    expect(out.filter((line) => line !== '')).toHaveLength(2)
    expect(out[0]).toMatch(/^2 {2}.* admin:root {2}CreateFacility {2}facility lab2 {2}done/)
  })

  test('are verified, and what was changed is said and ends with 1', async () => {
    const { exit, out } = await mrg('verify', 'events')
    expect([exit, out.join('\n')]).toEqual([
      0,
      expect.stringMatching(/^The log is whole: 3 events, 1 to 3\..*\n[0-9a-f]{64}$/),
    ])
    await portal.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx`update event set actor = 'admin:other' where sequence = 2`
    })
    const broken = await mrg('verify', 'events')
    expect(broken.exit).toBe(1)
    expect(broken.out.join('\n')).toContain('Event 2 is not what was hashed')
  })
})

/** As the documentation says it, by somebody else's program. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${sorted(item)}`).join(',')}}`
}
