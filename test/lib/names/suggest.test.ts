import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { editDistance, suggest } from '../../../lib/names/suggest.ts'

describe('a suggestion', () => {
  test.each([
    ['noble', 'noble', 0],
    ['nobel', 'noble', 1],
    ['hyperivisor', 'hypervisor', 1],
    ['', 'std', 3],
    ['std', '', 3],
    ['kitten', 'sitting', 3],
  ])('counts the steps from %j to %j as %d', (a, b, steps) => {
    expect(editDistance(a, b)).toBe(steps)
  })

  test('counts up to a limit, and beyond it only that it is more', () => {
    const word = fc.stringMatching(/^[ab]{0,6}$/)
    fc.assert(
      fc.property(word, word, fc.nat(6), (a, b, limit) => {
        const steps = editDistance(a, b)
        expect(editDistance(b, a)).toBe(steps)
        const counted = editDistance(a, b, limit)
        if (steps <= limit) expect(counted).toBe(steps)
        else expect(counted).toBeGreaterThan(limit)
      }),
      { numRuns: 2000 },
    )
  })

  test('takes the closest words, and the alphabet between equals', () => {
    expect(suggest('vtf', ['vtx', 'std', 'vte', 'vte', 'portalvte'])).toEqual({
      nearest: ['vte', 'vtx', 'std'],
      ending: 'did you mean `vte` or `vtx`?',
    })
  })

  test('lists what there is where nothing is close', () => {
    expect(suggest('qqqq', ['std', 'vte'], ['noble']).ending).toBe('known are std, vte')
    const many = Array.from({ length: 20 }, (_, i) => `role${i}`)
    expect(suggest('zzz', many).ending).toMatch(/role11, …$/)
  })

  test('takes a word of any length', () => {
    expect(suggest('x'.repeat(100_000), ['std']).nearest).toEqual(['std'])
  })
})
