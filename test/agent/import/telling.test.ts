import { expect, test } from '@jest/globals'
import { partsOf, renderItem } from '../../../agent/import/telling.ts'
import { invalid } from '../../../lib/failure.ts'
import { foundItem } from '../../support/sources.ts'

test('an item is told as the portal takes it', () => {
  const fields = {
    ...{ release: '24.04', long: 'x'.repeat(501), broken: 'a\nb', '': 'x' },
    ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, 'v'])),
  }
  const refused = invalid('INVALID_NAME', 'its name is bad')
  const told = renderItem({ name: 'a\nb', version: '', fields, refused })
  expect(told).toMatchObject({
    name: 'a?b',
    version: '?',
    refused: 'its name is bad',
    sizeBytes: 0n,
  })
  expect(Object.keys(told.fields)).toHaveLength(64)
  expect(told.fields).toMatchObject({ release: '24.04', f0: 'v' })
  expect(told.fields).not.toHaveProperty('long')
})

test('a report has one part at least, and as many as it takes', () => {
  expect([...partsOf([])]).toEqual([{ items: [], last: true }])
  const many = Array.from({ length: 2500 }, (_, i) => foundItem(String(i)))
  const parts = [...partsOf(many)]
  expect(parts.map(({ items, last }) => [items.length, last])).toEqual([
    [1000, false],
    [1000, false],
    [500, true],
  ])
  const large = Array.from({ length: 10 }, (_, i) =>
    foundItem(String(i), {
      fields: Object.fromEntries(
        Array.from({ length: 64 }, (_each, n) => [`f${n}`, 'x'.repeat(500)]),
      ),
    }),
  )
  for (const { items } of partsOf(large)) expect(items.length).toBeLessThan(9)
})
