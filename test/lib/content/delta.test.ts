import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { maxSpan, planDeltas } from '../../../lib/content/delta.ts'
import { sha256, type Digest } from '../../../lib/content/digest.ts'
import type { NumberedChunk } from '../../../lib/content/numbered.ts'

const kib = 1024

/** Chunks one after another, by what is in them; a number is a hole of so many bytes. */
function laid(
  contents: readonly (string | number)[],
  length = 64 * kib,
  rank = 0,
): NumberedChunk[] {
  const chunks: NumberedChunk[] = []
  let offset = 0
  for (const content of contents) {
    if (typeof content === 'number') offset += content
    else {
      chunks.push({ digest: sha256(Buffer.from(content)), length, offset, rank })
      offset += length
    }
  }
  return chunks
}

function letters(
  text: string,
  ...more: Parameters<typeof laid> extends [unknown, ...infer M] ? M : never
) {
  return laid(Array.from(text), ...more)
}

describe('a plan of deltas', () => {
  test('is empty for the same image, and for one of which nothing is known', () => {
    expect(planDeltas(letters('abcdef'), letters('abcdef'))).toEqual([])
    expect(planDeltas([], letters('abc'))).toEqual([])
  })

  test('looks for new chunks where they lay, and a little around it', () => {
    const [span, ...more] = planDeltas(letters('abcdefgh'), letters('abcXefgh'))
    expect(more).toEqual([])
    expect(span).toEqual({ first: 3, count: 1, baseFirst: 2, baseCount: 3 })
  })

  test('follows what has moved', () => {
    const moved = laid([1024 * kib, ...Array.from('abcXefgh')])
    expect(planDeltas(letters('abcdefgh'), moved)).toEqual([
      { first: 3, count: 1, baseFirst: 2, baseCount: 3 },
    ])
  })

  test('takes neighbours together, up to 512 KiB', () => {
    const spans = planDeltas(letters('abcdefghijklmnop'), letters('aBCDEFGHIJKLMNOp'))
    expect(spans.map(({ first, count }) => [first, count])).toEqual([
      [1, 8],
      [9, 6],
    ])
  })

  test('makes a chunk that comes twice once', () => {
    expect(planDeltas(letters('abcdef'), letters('aXcXef'))).toHaveLength(1)
  })

  test('looks for the chunks of a file in the file of its kind alone', () => {
    const base = [...letters('abcd', 64 * kib, 0), ...letters('klmn', 64 * kib, 3)]
    const target = [
      ...letters('abcX', 64 * kib, 0),
      ...letters('kYmn', 64 * kib, 3),
      ...letters('Z', 64 * kib, 6),
    ]
    expect(planDeltas(base, target)).toEqual([
      { first: 3, count: 1, baseFirst: 2, baseCount: 2 },
      { first: 5, count: 1, baseFirst: 4, baseCount: 3 },
    ])
  })

  test('names each new chunk at most once, and nothing that is not there or too large', () => {
    const image = fc.array(
      fc.oneof(
        fc.constantFrom(...Array.from('abcdefghijklmnop')),
        fc.integer({ min: 1, max: 300 * kib }),
      ),
    )
    const length = fc.constantFrom(500, 16 * kib, 256 * kib)
    fc.assert(
      fc.property(image, image, length, (before, after, bytes) => {
        const [base, target] = [laid(before, bytes), laid(after, bytes)]
        const known = new Set(base.map(({ digest }) => digest))
        const made: Digest[] = []
        for (const { first, count, baseFirst, baseCount } of planDeltas(base, target)) {
          const [chunks, dictionary] = [
            target.slice(first, first + count),
            base.slice(baseFirst, baseFirst + baseCount),
          ]
          expect([chunks.length, dictionary.length]).toEqual([count, baseCount])
          expect(Math.min(count, baseCount)).toBeGreaterThan(0)
          expect(count).toBeLessThanOrEqual(maxSpan.count)
          expect(baseCount).toBeLessThanOrEqual(maxSpan.baseCount)
          expect(count * bytes).toBeLessThanOrEqual(maxSpan.targetBytes)
          expect(baseCount * bytes).toBeLessThanOrEqual(maxSpan.baseBytes)
          made.push(...chunks.map(({ digest }) => digest))
        }
        expect(new Set(made).size).toBe(made.length)
        expect(made.some((digest) => known.has(digest))).toBe(false)
      }),
    )
  })
})
