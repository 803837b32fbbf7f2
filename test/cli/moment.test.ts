import { expect, test } from '@jest/globals'
import { parseMoment } from '../../cli/moment.ts'
import { time } from '../../cli/units.ts'
import { UsageError } from '../../cli/usage.ts'

const read = (text: string) => parseMoment('--as-of', text, 'mrg-image resolve --help')

test.each([
  ['2026-06-15', '2026-06-15T00:00:00.000Z'],
  ['2026-06-15 10:22', '2026-06-15T10:22:00.000Z'],
  ['2026-06-15T10:22:31', '2026-06-15T10:22:31.999Z'],
  ['2026-06-15T10:22:31.5Z', '2026-06-15T10:22:31.500Z'],
  ['2026-06-15 10:22:31 UTC', '2026-06-15T10:22:31.999Z'],
  ['2026-06-15T10:22+02:00', '2026-06-15T08:22:00.000Z'],
  ['2026-06-15T10:22 -0700', '2026-06-15T17:22:00.000Z'],
])('%s is %s', (text, iso) => {
  expect(read(text).toISOString()).toBe(iso)
})

test('a time that a tool showed is not before what it was shown of', () => {
  const moved = new Date('2026-06-15T10:22:31.742Z')
  expect(read(time(moved)).getTime()).toBeGreaterThanOrEqual(moved.getTime())
})

test.each(['', 'yesterday', '2026', '2026-02-30', '2026-06-15T25:00', '15.06.2026', '1718445751'])(
  '"%s" is no time',
  (text) => {
    expect(() => read(text)).toThrow(UsageError)
    expect(() => read(text)).toThrow('write it as 2026-06-15T12:00 (UTC)')
  },
)
