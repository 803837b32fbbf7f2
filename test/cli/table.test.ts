import { styleText } from 'node:util'
import { expect, test } from '@jest/globals'
import type { Paint } from '../../cli/command.ts'
import { coloured, facts, listed, table } from '../../cli/table.ts'

const dull: Paint = (_colour, text) => text
const bright: Paint = (colour, text) => styleText(colour, text, { validateStream: false })

test('headings are underlined with dashes, numbers stand right', () => {
  const text = table(
    dull,
    ['Image', '>Size', 'By'],
    [
      ['debian', '1.0 MB', 'admin'],
      ['ubuntu-2404', '12 B', 'me'],
    ],
  )
  expect(text).toBe(
    [
      'Image          Size  By',
      '-----          ----  --',
      'debian       1.0 MB  admin',
      'ubuntu-2404    12 B  me',
    ].join('\n'),
  )
})

test('colours take no room', () => {
  const rows = [[coloured(bright, 'released'), 'x']]
  const [, , row] = table(bright, ['State', 'By'], rows).split('\n')
  expect(row).toBe(`${bright('green', 'released')}  x`)
})

test('facts are aligned', () => {
  expect(
    facts(dull, [
      ['Name', 'a'],
      ['Digest', 'b'],
    ]),
  ).toBe('Name    a\nDigest  b')
})

test('that there is nothing is said in words, and as an empty document', () => {
  const answer = listed(
    'images',
    [],
    (item) => item,
    ['Image'],
    () => [],
  )
  expect(answer.text(dull)).toBe('No images.')
  expect(answer.json).toEqual([])
})
