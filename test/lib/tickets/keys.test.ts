import { describe, expect, test } from '@jest/globals'
import { planKeys } from '../../../lib/tickets/keys.ts'

const now = new Date('2026-11-24T12:00:00Z')
const [minute, day] = [60_000, 24 * 60 * 60_000]
const aged = (id: string, ms: number) => ({ id, createTime: new Date(now.getTime() - ms) })

describe('the keys of tickets', () => {
  test('begin with one that signs at once', () => {
    expect(planKeys([], now)).toMatchObject({ isNewDue: true, valid: [] })
    const first = aged('first', 0)
    expect(planKeys([first], now)).toEqual({ isNewDue: false, signing: first, valid: [first] })
  })

  test('are followed by a new one after 30 days', () => {
    expect(planKeys([aged('first', 30 * day - 1)], now).isNewDue).toBe(false)
    expect(planKeys([aged('first', 30 * day)], now).isNewDue).toBe(true)
  })

  test('sign only when agents have had a quarter of an hour to hear of them', () => {
    const [fresh, known] = [aged('new', 15 * minute - 1), aged('new', 15 * minute)]
    const former = aged('former', 31 * day)
    expect(planKeys([fresh, former], now)).toMatchObject({ signing: former, isNewDue: false })
    expect(planKeys([known, former], now)).toMatchObject({ signing: known })
  })

  test('count until there are two newer ones', () => {
    const three = [aged('c', day), aged('b', 31 * day), aged('a', 61 * day)]
    expect(planKeys(three, now).valid.map(({ id }) => id)).toEqual(['c', 'b'])
  })
})
