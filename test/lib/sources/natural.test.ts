import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { byNature } from '../../../lib/sources/natural.ts'

test('numbers in texts compare as numbers', () => {
  const texts = ['v10', 'v9', 'v9.10', 'v9.9', '20240601.2', '20240601.10', '20240601', '007', '7a']
  expect(texts.toSorted(byNature)).toEqual([
    ...['007', '7a', '20240601', '20240601.2', '20240601.10', 'v9', 'v9.9', 'v9.10', 'v10'],
  ])
})

test('any texts have one order', () => {
  const text = fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', '.') })
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      expect(Math.sign(byNature(a, b)) + Math.sign(byNature(b, a))).toBe(0)
      if (byNature(a, b) <= 0 && byNature(b, c) <= 0) expect(byNature(a, c)).toBeLessThanOrEqual(0)
    }),
  )
})
