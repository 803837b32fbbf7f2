import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  flawOfCron,
  isTimeZone,
  nextTimes,
  whatIsDue,
  whyPaused,
} from '../../../lib/recipes/schedule.ts'

const at = (time: string) => new Date(time)
const texts = (times: readonly Date[]) => times.map((time) => time.toISOString())

describe('the times of a schedule', () => {
  test('are those of its time zone, on both sides of daylight saving', () => {
    const quarterly = { cron: '0 3 1 */3 *', timeZone: 'Europe/Berlin' }
    expect(texts(nextTimes(quarterly, at('2026-01-01T02:00:00Z'), 3))).toEqual([
      '2026-04-01T01:00:00.000Z',
      '2026-07-01T01:00:00.000Z',
      '2026-10-01T01:00:00.000Z',
    ])
  })

  test('come once a day where the clock jumps over them, or goes back', () => {
    const daily = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' }
    expect(texts(nextTimes(daily, at('2026-03-28T12:00:00Z'), 2))).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ])
    expect(texts(nextTimes(daily, at('2026-10-24T12:00:00Z'), 2))).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ])
  })

  test('can be years apart', () => {
    const leap = { cron: '0 0 29 2 *', timeZone: 'UTC' }
    expect(texts(nextTimes(leap, at('2026-11-27T00:00:00Z'), 1))).toEqual([
      '2028-02-29T00:00:00.000Z',
    ])
  })

  test('are after the time that they are asked after, and in order', () => {
    const hour = fc.integer({ min: 0, max: 23 })
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
    const times = fc.date({ min: at('2020-01-01'), max: at('2040-01-01'), noInvalidDate: true })
    fc.assert(
      fc.property(hour, fc.integer({ min: 0, max: 59 }), zones, times, (h, m, timeZone, after) => {
        const found = nextTimes({ cron: `${m} ${h} * * *`, timeZone }, after, 4)
        return (
          found.length === 4 &&
          [after, ...found].every((time, i, all) => i === 0 || time > (all[i - 1] ?? time))
        )
      }),
    )
  })
})

describe('what is due', () => {
  const daily = { cron: '0 3 * * *', timeZone: 'UTC' }
  const nextTime = at('2026-11-10T03:00:00Z')

  test('is nothing before its time', () => {
    const standing = { nextTime, busy: false }
    expect(whatIsDue(daily, standing, at('2026-11-10T02:59:59Z'))).toEqual({ kind: 'wait' })
  })

  test('is one build, however many times were missed', () => {
    expect(whatIsDue(daily, { nextTime, busy: false }, at('2026-11-27T12:00:00Z'))).toEqual({
      kind: 'build',
      forTime: nextTime,
      next: at('2026-11-28T03:00:00Z'),
    })
  })

  test('waits for a build that is not over', () => {
    expect(whatIsDue(daily, { nextTime, busy: true }, at('2026-11-27T12:00:00Z')).kind).toBe('wait')
  })

  test('is nothing while there is no next time', () => {
    const standing = { nextTime: undefined, busy: false }
    expect(whatIsDue(daily, standing, at('2026-11-27T12:00:00Z')).kind).toBe('wait')
  })
})

describe('a schedule', () => {
  test('is paused after so many failures in a row, and says why', () => {
    expect(whyPaused(2, 3, 'no space')).toBe('')
    expect(whyPaused(3, 3, 'no space')).toBe('3 builds failed in a row, the last one so: no space')
    expect(whyPaused(1, 1, 'no space')).toBe('The last build failed: no space')
  })

  test.each(['0 3 1 */3 *', '*/10 * * * *', '0 0 29 2 *', '15 10 * * MON-FRI', '0 0 L * *'])(
    'can be "%s"',
    (cron) => {
      expect(flawOfCron(cron)).toBeUndefined()
    },
  )

  test.each([
    '',
    'daily',
    '@daily',
    '0 3 31 2 *',
    '*/5 * * * *',
    '0 0 ? * *',
    '0 3 * * 8',
    'a b c d e',
  ])('cannot be "%s"', (cron) => {
    expect(flawOfCron(cron)).toEqual(expect.any(String))
  })

  test('knows time zones', () => {
    expect(['UTC', 'Europe/Berlin', 'Etc/GMT+5'].map(isTimeZone)).toEqual([true, true, true])
    expect(['', 'Berlin', 'Europe/Berln', '+01:00', 'a'.repeat(100)].map(isTimeZone)).toEqual(
      Array(5).fill(false),
    )
  })
})
