import { expect, test } from '@jest/globals'
import { bytes, counted, duration, plain, rate, share, time } from '../../cli/units.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [99_949, '99.9 kB'],
  [99_950, '100 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [8_589_934_592n, '8.6 GB'],
  [2n ** 64n - 1n, '18447 PB'],
])('%s bytes', (count, text) => {
  expect(bytes(count)).toBe(text)
})

test.each([
  [0, '0.0 s'],
  [9_940, '9.9 s'],
  [9_960, '10 s'],
  [59_600, '1 min 00 s'],
  [125_000, '2 min 05 s'],
  [3_780_000n, '1 h 03 min'],
])('%s ms', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test('a rate needs time, and a share a whole', () => {
  expect(rate(10_000_000, 2_000)).toBe('5.0 MB/s')
  expect(rate(1, 0)).toBe('-')
  expect(share(1n, 3n)).toBe('33 %')
  expect(share(0n, 0n)).toBe('-')
})

test('times are in UTC', () => {
  expect(time(new Date('2026-06-15T10:22:31.5Z'))).toBe('2026-06-15 10:22:31 UTC')
  expect(time(undefined)).toBe('-')
})

test('one is singular', () => {
  expect([counted(1, 'chunk'), counted(2n, 'chunk')]).toEqual(['1 chunk', '2 chunks'])
})

test('free text cannot steer the terminal', () => {
  expect(plain('good\u001b[2J\u009b1mbad\nnews')).toBe('good [2J 1mbad news')
  expect(plain(' ')).toBe('-')
})
