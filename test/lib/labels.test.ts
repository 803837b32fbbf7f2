import { describe, expect, test } from '@jest/globals'
import { fitsSelector, parseLabels, parseSelector, renderSelector } from '../../lib/labels.ts'

const refused = (text: string) =>
  expect.objectContaining({ reason: 'INVALID_FIELD', message: expect.stringContaining(text) })

describe('labels', () => {
  test('are keys and words as Kubernetes has them', () => {
    const labels = { team: 'net', 'example.org/Tier_1': 'gold.v2', empty: '', a: '1' }
    expect(parseLabels(labels)).toEqual(labels)
    expect(parseLabels({ ['k'.repeat(63)]: 'v'.repeat(63) })).toBeDefined()
  })

  test.each([
    '',
    '-a',
    'a-',
    'a b',
    'a/b/c',
    '/a',
    'a/',
    'UPPER.org/a',
    'k'.repeat(64),
    '__proto__',
    'ä',
  ])('have no key like "%s"', (key) => {
    expect(() => parseLabels(Object.fromEntries([[key, 'x']]))).toThrow(refused('no key'))
  })

  test.each(['-a', 'a b', 'a,b', 'v'.repeat(64), 'a\n'])('have no value like "%s"', (value) => {
    expect(() => parseLabels({ a: value })).toThrow(refused('no value'))
  })

  test('are 32 at most', () => {
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, '']))
    expect(() => parseLabels(many)).toThrow(refused('32 labels at most'))
  })
})

describe('what is asked of labels', () => {
  const labels = { team: 'net', empty: '' }

  test.each([
    ['team=net', true],
    ['team=os', false],
    ['team', true],
    ['!team', false],
    ['!tier', true],
    ['tier', false],
    ['empty=', true],
    ['tier=', false],
    // What every object has is no label.
    ['constructor', false],
    ['!constructor', true],
  ])('%s is answered', (text, fits) => {
    const selector = parseSelector(text)
    expect(fitsSelector(selector, labels)).toBe(fits)
    expect(renderSelector(selector)).toBe(text)
  })

  test.each(['', '!', '=net', 'team==net', '!team=net', 'a b'])('"%s" is refused', (text) => {
    expect(() => parseSelector(text)).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD' }))
  })
})
