import { expect, test } from '@jest/globals'
import { pick, word, wordsOf } from '../../cli/words.ts'
import { ImageState } from '../../proto/gen/merge/image/v1/image.ts'

const verbs = ['publish', 'push', 'resolve', 'release', 'list']

test('an unambiguous prefix is the word', () => {
  expect(pick('li', verbs)).toEqual({ kind: 'one', word: 'list' })
  expect(pick('RES', verbs)).toEqual({ kind: 'one', word: 'resolve' })
})

test('an ambiguous prefix lists what it could be', () => {
  expect(pick('pu', verbs)).toEqual({ kind: 'many', words: ['publish', 'push'] })
})

test('a whole word is itself, even where another begins with it', () => {
  expect(pick('set', ['set', 'setup'])).toEqual({ kind: 'one', word: 'set' })
})

test('an object may be written in the singular or the plural', () => {
  expect(pick('facility', ['facilities', 'images'])).toEqual({ kind: 'one', word: 'facilities' })
  expect(pick('aliases', ['alias', 'image'])).toEqual({ kind: 'one', word: 'alias' })
})

test('an unknown word is none', () => {
  expect(pick('x', verbs)).toEqual({ kind: 'none' })
})

test('values of the API have words', () => {
  expect(word(ImageState, ImageState.IMAGE_STATE_RELEASED)).toBe('released')
  expect(wordsOf(ImageState)).toEqual(['candidate', 'released', 'deprecated', 'revoked'])
})
