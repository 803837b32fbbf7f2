import { describe, expect, test } from '@jest/globals'
import { cutPieces, placeInLine } from '../../../lib/sharing/pieces.ts'
import { sha256 } from '../../../lib/content/digest.ts'

const digests = Array.from({ length: 2000 }, (_, i) => sha256(Buffer.from(String(i))))

describe('pieces of an image', () => {
  test('are cut alike by everybody, whatever is lacking', () => {
    const all = cutPieces(digests, digests)
    const some = cutPieces(digests, digests.slice(1500))
    expect(some.count).toBe(all.count)
    const numbered = new Map(all.pieces.map(({ number, digests: of }) => [number, of]))
    for (const { number, digests: of } of some.pieces) {
      expect(numbered.get(number)).toEqual(expect.arrayContaining([...of]))
    }
    expect(some.pieces.flatMap(({ digests: of }) => of)).toEqual(digests.slice(1500))
  })

  test('are small enough to share a small image, and large enough to fetch a large one', () => {
    const sizes = (count: number) =>
      cutPieces(digests.slice(0, count), digests).pieces.map(({ digests: of }) => of.length)
    expect(sizes(80)).toEqual(Array.from({ length: 10 }, () => 8))
    const many = Array.from({ length: 100_000 }, () => digests[0] ?? sha256(Buffer.of()))
    expect(cutPieces(many, many).pieces[0]?.digests).toHaveLength(256)
  })
})

describe('the line for a piece', () => {
  const lines = (pieces: number, fetchers: number): number[][] =>
    Array.from({ length: pieces }, (_, piece) =>
      Array.from({ length: fetchers }, (__, rank) => placeInLine(piece, pieces, rank, fetchers)),
    )

  test.each([
    [1, 1],
    [1, 10],
    [7, 10],
    [128, 10],
    [200, 50],
  ])('of %i has each of %i fetchers at one place', (pieces, fetchers) => {
    const each = Array.from({ length: fetchers }, (_, place) => place)
    for (const line of lines(pieces, fetchers)) {
      expect(line.toSorted((a, b) => a - b)).toEqual(each)
    }
  })

  test('gives everybody a stretch of about the same length', () => {
    const owners = lines(128, 10).map((line) => line.indexOf(0))
    expect(owners).toEqual(owners.toSorted((a, b) => a - b))
    for (let rank = 0; rank < 10; rank++) {
      const length = owners.filter((owner) => owner === rank).length
      expect([12, 13]).toContain(length)
    }
  })

  test('lets all the others share what one leaves undone', () => {
    const second = lines(128, 10)
      .filter((line) => line[3] === 0)
      .map((line) => line.indexOf(1))
    expect(new Set(second).size).toBe(9)
    expect(second).not.toContain(3)
  })
})
