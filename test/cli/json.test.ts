import { expect, test } from '@jest/globals'
import { json } from '../../cli/json.ts'

test('sizes are numbers while a number can hold them, times are ISO 8601', () => {
  const value = {
    small: 12n,
    huge: 2n ** 60n,
    at: new Date('2026-06-15T10:00:00Z'),
    none: undefined,
  }
  expect(json(value)).toBe(
    '{"small":12,"huge":"1152921504606846976","at":"2026-06-15T10:00:00.000Z"}',
  )
})
