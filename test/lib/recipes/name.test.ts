import { describe, expect, test } from '@jest/globals'
import { parseRecipeName, renderRecipeName } from '../../../lib/recipes/name.ts'

describe('the name of a recipe', () => {
  test.each([
    ['debian-13-std', { namespace: '', name: 'debian-13-std' }],
    ['lab1/mytools', { namespace: 'lab1', name: 'mytools' }],
  ])('is read from "%s", and written so', (text, name) => {
    expect(parseRecipeName(text)).toEqual(name)
    expect(renderRecipeName(name)).toBe(text)
  })

  test.each([
    '',
    '/',
    'lab1/',
    '/mytools',
    'Debian',
    'a b',
    '1st',
    'a/b/c',
    'L1/a',
    'x'.repeat(64),
  ])('is not "%s"', (text) => {
    expect(() => parseRecipeName(text)).toThrow(expect.objectContaining({ reason: 'INVALID_NAME' }))
  })
})
