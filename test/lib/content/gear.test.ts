import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { cut, gear, maxChunkBytes, minChunkBytes } from '../../../lib/content/gear.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { noise } from '../../support/chunks.ts'
import { chunkerVectors } from './vectors.ts'

function boundaries(data: Uint8Array): number[] {
  const found: number[] = []
  for (let at = 0; at < data.length;) found.push((at = cut(data, at, data.length)))
  return found
}

describe('the gear table', () => {
  test('is the one of the format', () => {
    const bytes = Buffer.alloc(1024)
    gear.forEach((value, i) => bytes.writeInt32BE(value, i * 4))
    expect(Array.from(gear.subarray(0, 4), (value) => value >>> 0)).toEqual(
      chunkerVectors.gear.first,
    )
    expect(sha256(bytes)).toBe(chunkerVectors.gear.sha256)
  })
})

describe('cutting', () => {
  test('keeps every chunk but the last between the smallest and the largest length', () => {
    const lengths = fc.tuple(fc.string(), fc.integer({ min: 1, max: 600_000 }))
    fc.assert(
      fc.property(lengths, ([seed, length]) => {
        const ends = boundaries(noise(seed, length))
        const sizes = ends.map((end, i) => end - (ends[i - 1] ?? 0))
        expect(ends.at(-1)).toBe(length)
        expect(Math.max(...sizes)).toBeLessThanOrEqual(maxChunkBytes)
        expect(Math.min(maxChunkBytes, ...sizes.slice(0, -1))).toBeGreaterThan(minChunkBytes)
      }),
      { numRuns: 30 },
    )
  })

  test('makes chunks of some 64 KiB', () => {
    const data = noise('average', 16 * 1024 * 1024)
    const average = data.length / boundaries(data).length
    expect(average).toBeGreaterThan(54 * 1024)
    expect(average).toBeLessThan(70 * 1024)
  })

  test('cuts what never has a boundary at the largest length', () => {
    expect(boundaries(Buffer.alloc(600_000, 1))).toEqual([262_144, 524_288, 600_000])
  })

  test('finds the old boundaries again soon after an insertion', () => {
    const data = noise('shifted', 4 * 1024 * 1024)
    const before = new Set(boundaries(data))
    const shifted = boundaries(Buffer.concat([noise('new', 777), data])).map((end) => end - 777)
    const lost = shifted.filter((end) => !before.has(end))
    expect(lost.length).toBeLessThan(6)
  })
})
