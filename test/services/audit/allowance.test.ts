import { expect, test } from '@jest/globals'
import { makeAllowance } from '../../../services/audit/allowance.ts'

const minute = 60_000

test('ten attempts at once are let through, and one more every ten minutes', () => {
  const allowance = makeAllowance<number>()
  const taken = Array.from({ length: 50 }, (_, i) => allowance.take('eve', i, 0))
  expect(taken.filter((one) => one !== undefined)).toHaveLength(10)
  expect(allowance.take('eve', 50, 9 * minute)).toBeUndefined()
  expect(allowance.take('eve', 51, 10 * minute)).toEqual({ attempt: 51, suppressed: 41 })
})

test('one caller takes nothing from another', () => {
  const allowance = makeAllowance<number>()
  for (let i = 0; i < 50; i++) allowance.take('eve', i, 0)
  expect(allowance.take('bob', 1, 0)).toEqual({ attempt: 1, suppressed: 0 })
})

test('callers that change their names all the time get twenty a minute together', () => {
  const allowance = makeAllowance<number>()
  const taken = Array.from({ length: 60_000 }, (_, i) =>
    allowance.take(`eve${i}`, i, i * 10),
  ).filter((one) => one !== undefined)
  expect(taken.length).toBeGreaterThan(200)
  expect(taken.length).toBeLessThanOrEqual(200 + 10 * 20)
})

test('who is cut short and stays away is told of later, and of everybody at the end', () => {
  const allowance = makeAllowance<number>()
  for (let i = 0; i < 15; i++) allowance.take('eve', i, 0)
  expect(allowance.rest(minute, false)).toEqual([])
  expect(allowance.rest(10 * minute, false)).toEqual([{ attempt: 14, suppressed: 4 }])
  expect(allowance.rest(20 * minute, false)).toEqual([])
  for (let i = 0; i < 15; i++) allowance.take('eve', i, 20 * minute)
  expect(allowance.rest(20 * minute, true)).toMatchObject([{ attempt: 14 }])
})
