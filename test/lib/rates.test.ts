import { expect, test } from '@jest/globals'
import { byteRate } from '../../lib/rates.ts'

test.each([
  ['1000', 1000],
  ['60000000', 60_000_000],
  ['50M', 50 * 1024 ** 2],
  ['1g', 1024 ** 3],
  [undefined, undefined],
])('%p is a rate of %p', (text, bytes) => {
  expect(byteRate.parse(text)).toBe(bytes)
})

test.each(['0', '999', '-5', '50MB', 'fast', '1.5M', '9999999999T', ''])(
  '%p is no rate',
  (text) => {
    const { error } = byteRate.safeParse(text)
    expect(error?.issues[0]?.message).toBe('must be 1000 bytes a second or more, such as 50M')
  },
)
