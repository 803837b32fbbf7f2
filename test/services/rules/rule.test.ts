import { describe, expect, test } from '@jest/globals'
import { lateMs, nextOf } from '../../../services/rules/rule.ts'

describe('the moment of a rule', () => {
  const rule = { facility: 'lab1', name: 'std', cron: '0 3 * * *', zone: 'UTC', jitterSeconds: 0 }
  const late = { ...rule, jitterSeconds: 3600 }

  test('is its schedule without jitter, and none without a schedule', () => {
    expect(nextOf(rule, new Date('2026-06-15T10:00:00Z'))).toEqual(new Date('2026-06-16T03:00:00Z'))
    expect(nextOf({ ...rule, cron: '' }, new Date())).toBeNull()
    expect(lateMs(rule)).toBe(0)
  })

  test('is the same each time, another for each rule, and never missed or doubled', () => {
    const first = nextOf(late, new Date('2026-06-15T10:00:00Z'))
    expect(first?.getTime()).toBe(Date.parse('2026-06-16T03:00:00Z') + lateMs(late))
    // Just before its own moment, which is after the schedule's, it is still to come; at it the next day's is next.
    const moment = first?.getTime() ?? 0
    expect(nextOf(late, new Date(moment - 1))).toEqual(first)
    expect(nextOf(late, new Date(moment))?.getTime()).toBe(moment + 24 * 60 * 60 * 1000)
    const others = Array.from({ length: 50 }, (_, i) => lateMs({ ...late, facility: `lab${i}` }))
    expect(new Set(others).size).toBe(50)
    expect(Math.max(...others)).toBeLessThanOrEqual(3_600_000)
  })
})
