import { expect, test } from '@jest/globals'
import { durationMs, durationPattern } from '../../lib/duration.ts'

test.each([
  ['0', 0],
  ['20ms', 20],
  ['90s', 90_000],
  ['15m', 900_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
])('%s is %d ms', (text, ms) => {
  expect(durationPattern.test(text)).toBe(true)
  expect(durationMs(text)).toBe(ms)
})

test.each(['', '7', 'd', '-1h', '1 h', '1w', '1h30m'])('"%s" is no duration', (text) => {
  expect(durationPattern.test(text)).toBe(false)
})
