import { describe, expect, test } from '@jest/globals'
import { faultOf, restMs } from '../../../lib/chunks/fault.ts'
import { openStanding, type Rest } from '../../../lib/chunks/standing.ts'
import { corrupt, invalid, late, missing, unavailable } from '../../../lib/failure.ts'

const minute = 60_000
const lie = corrupt('CHUNK_CORRUPT', 'wrong bytes')
const away = unavailable('UNREACHABLE', 'nobody there')

function setUp() {
  const time = { now: 1000 }
  const rests: Rest[] = []
  const onRest = (rest: Rest): void => void rests.push(rest)
  const standing = openStanding({ now: () => time.now, chance: () => 1, onRest })
  /** Bytes that were waited for so long. */
  const bring = (name: string, bytes: number, ms: number): void => {
    const came = standing.waiting(name)
    time.now += ms
    came(bytes)
  }
  const restsFor = (name: string): number => standing.knows(name).restingUntil - time.now
  return { time, rests, standing, bring, restsFor }
}

describe('the rate of a source', () => {
  test('is unknown before anything came', () => {
    expect(setUp().standing.knows('a').rate).toBeUndefined()
  })

  test('is what came over the time it was waited for', () => {
    const { standing, bring, time } = setUp()
    bring('a', 1_000_000, 500)
    time.now += 10_000
    bring('a', 1_000_000, 500)
    expect(standing.knows('a').rate).toBeCloseTo(2_000_000)
  })

  test('counts the time once while several parts are waited for', () => {
    const { standing, time } = setUp()
    const [one, other] = [standing.waiting('a'), standing.waiting('a')]
    time.now += 500
    one(1_000_000)
    time.now += 500
    other(1_000_000)
    expect(standing.knows('a').rate).toBeCloseTo(2_000_000, -5)
  })

  test('follows a change within some ten seconds', () => {
    const { standing, bring } = setUp()
    for (let i = 0; i < 60; i++) bring('a', 10_000_000, 1000)
    for (let i = 0; i < 12; i++) bring('a', 1_000_000, 1000)
    expect(standing.knows('a').rate).toBeLessThan(2_000_000)
  })

  test('falls while nothing comes', () => {
    const { standing, bring } = setUp()
    bring('a', 1_000_000, 1000)
    bring('a', 0, 20_000)
    expect(standing.knows('a').rate).toBeLessThan(10_000)
  })

  test('is forgotten after a minute, so that a slow source is tried again', () => {
    const { standing, bring, time } = setUp()
    bring('a', 1000, 1000)
    time.now += minute
    expect(standing.knows('a').rate).toBe(1000)
    time.now += 1
    expect(standing.knows('a').rate).toBeUndefined()
  })
})

test('a source is busy while parts of it are fetched', () => {
  const { standing } = setUp()
  {
    using _one = standing.working('a')
    using _other = standing.working('a')
    expect(standing.knows('a').busy).toBe(2)
  }
  expect(standing.knows('a').busy).toBe(0)
})

describe('a source that failed', () => {
  test.each([
    ['lie', lie, 10 * minute],
    ['lie', invalid('INVALID_CHUNK', 'not asked for'), 10 * minute],
    ['stall', late('TOO_LATE', 'nothing came'), minute / 2],
    ['short', missing('CHUNK_NOT_FOUND', 'ended early'), minute / 2],
    ['away', away, 2000],
    ['away', new Error('whatever else'), 2000],
  ])('is known to %s, and sits out', (fault, error, ms) => {
    const { standing, rests, restsFor } = setUp()
    standing.failed('a', error)
    expect(faultOf(error)).toBe(fault)
    expect(restsFor('a')).toBe(ms)
    expect(rests).toEqual([{ name: 'a', fault, restMs: ms, reason: error.message }])
  })

  test('sits out longer each time, up to an end', () => {
    const minutes = (fault: 'lie' | 'stall') =>
      [1, 2, 3, 4, 5, 99].map((strikes) => restMs(fault, strikes, 1) / minute)
    expect(minutes('lie')).toEqual([10, 40, 160, 640, 1440, 1440])
    expect(minutes('stall')).toEqual([0.5, 1, 2, 4, 8, 10])
    expect(restMs('lie', 1, 0)).toBe(5 * minute)
  })

  test('counts once for parts that fail together', () => {
    const { standing, rests } = setUp()
    for (let i = 0; i < 4; i++) standing.failed('a', away)
    expect(rests).toHaveLength(1)
  })

  test('sits out for a lie though it sat out for less', () => {
    const { standing, restsFor } = setUp()
    standing.failed('a', away)
    standing.failed('a', lie)
    expect(restsFor('a')).toBe(10 * minute)
  })

  test('is forgiven when it does well, unless it lied', () => {
    const { standing, time, restsFor } = setUp()
    standing.failed('a', away)
    standing.did('a')
    expect(restsFor('a')).toBe(-Infinity)
    standing.failed('a', lie)
    standing.did('a')
    expect(restsFor('a')).toBe(10 * minute)
    time.now += 11 * minute
    standing.did('a')
    standing.failed('a', lie)
    expect(restsFor('a')).toBe(40 * minute)
  })

  test('is shown with the reason while it sits out', () => {
    const { standing, time } = setUp()
    standing.failed('a', lie)
    const one = { name: 'a', rate: 0 }
    expect(standing.all()).toEqual([{ ...one, restsMs: 10 * minute, reason: 'wrong bytes' }])
    time.now += 10 * minute
    expect(standing.all()).toEqual([{ ...one, restsMs: 0, reason: '' }])
  })
})
