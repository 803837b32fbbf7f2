import { expect, test } from '@jest/globals'
import { cutPage, parsePage } from '../../services/pages.ts'

const key = (row: string) => row
const refused = (field: string) =>
  expect.objectContaining({ reason: 'INVALID_FIELD', facts: { field } })

test('a page is of 100 rows, unless the request says otherwise', () => {
  expect(parsePage({ pageSize: 0, pageToken: '' })).toEqual({ size: 100, after: '' })
  expect(parsePage({ pageSize: 1000, pageToken: '' })).toEqual({ size: 1000, after: '' })
  expect(() => parsePage({ pageSize: 1001, pageToken: '' })).toThrow(refused('page_size'))
})

test('the token of a page leads to the row after it, whatever its key', () => {
  const filter = { namespace: 'lab1' }
  const page = { size: 2, after: '' }
  const { rows, nextPageToken } = cutPage(['a', 'b c “d”', 'e'], page, key, filter)
  expect(rows).toEqual(['a', 'b c “d”'])
  expect(parsePage({ pageSize: 2, pageToken: nextPageToken }, filter)).toEqual({
    size: 2,
    after: 'b c “d”',
  })
})

test('after the last page there is none', () => {
  expect(cutPage(['a', 'b'], { size: 2, after: '' }, key)).toEqual({
    rows: ['a', 'b'],
    nextPageToken: '',
  })
  expect(cutPage([], { size: 2, after: '' }, key).nextPageToken).toBe('')
})

test('a token that was made for another filter, or by nobody, is refused', () => {
  const { nextPageToken } = cutPage(['a', 'b'], { size: 1, after: '' }, key, { role: 'std' })
  for (const [pageToken, filter] of [
    [nextPageToken, {}],
    [nextPageToken, { role: 'vte' }],
    ['x', { role: 'std' }],
    [Buffer.from(nextPageToken).toString('base64url'), { role: 'std' }],
  ] as const) {
    expect(() => parsePage({ pageSize: 1, pageToken }, filter)).toThrow(refused('page_token'))
  }
})
