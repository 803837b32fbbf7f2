import { expect, test } from '@jest/globals'
import { partsOf, renderItem, worthTelling } from '../../../agent/import/telling.ts'
import { invalid } from '../../../lib/failure.ts'
import { foundItem, sourceText } from '../../support/sources.ts'

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

test('of what does not fit only some is told', () => {
  const names = ['24.04/amd64/disk-20240601.img', ...Array.from({ length: 300 }, (_, i) => `x${i}`)]
  const items = names.toReversed().map((name) => ({ name, version: 'v', fields: {} }))
  const { told, note } = worthTelling(items, { text: sourceText() })
  expect(told).toHaveLength(201)
  expect(told[0]?.name).toBe(names[0])
  expect(note).toBe('100 more items do not fit the pattern, and are not listed.')
  expect(worthTelling(items.slice(-2), { text: sourceText() }).note).toBe('')
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
