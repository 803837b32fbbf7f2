import { describe, expect, test } from '@jest/globals'
import { sha256 } from '../../../lib/content/digest.ts'
import { chunksOf, cutSegment, joinExtents, totalBytes } from '../../../lib/content/extents.ts'
import { noise } from '../../support/chunks.ts'
import { bytesOf, chunkerVectors, extentsOf } from './vectors.ts'

describe('a segment', () => {
  test.each(chunkerVectors.segments)('is cut as the format says: $name', ({ parts, entries }) => {
    expect(cutSegment(bytesOf(parts))).toEqual(extentsOf(entries))
  })

  test('is cut after a hole as if nothing had been before', () => {
    const data = noise('after a hole', 300_000)
    const alone = cutSegment(data)
    const after = cutSegment(Buffer.concat([noise('before', 4096), Buffer.alloc(65536), data]))
    expect(after.lengths.slice(2)).toEqual(alone.lengths)
  })
})

describe('extents', () => {
  const hole = Buffer.alloc(65_536)
  const one = cutSegment(Buffer.concat([noise('one', 102_400), hole]))
  const two = cutSegment(Buffer.concat([hole, noise('two', 100_000)]))

  test('joined have one hole where two met', () => {
    const joined = joinExtents([one, two])
    expect(joined.lengths.filter((length) => length < 0)).toEqual([-2 * hole.length])
  })

  test('joined are as long as their parts', () => {
    expect(totalBytes(joinExtents([one, two]))).toBe(totalBytes(one) + totalBytes(two))
  })

  test('say where each chunk lies', () => {
    const data = Buffer.concat([noise('one', 100_000), Buffer.alloc(196_608), noise('two', 99)])
    const chunks = [...chunksOf(cutSegment(data))]
    expect(chunks.length).toBeGreaterThan(1)
    for (const { digest, offset, length } of chunks) {
      expect(sha256(data.subarray(offset, offset + length))).toBe(digest)
    }
  })
})
