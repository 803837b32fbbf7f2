import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { constants, zstdCompressSync } from 'node:zlib'
import { frameLength } from '../../../lib/content/frame.ts'
import { noise } from '../../support/chunks.ts'

const text = Buffer.from('what is written again and again. '.repeat(10_000))

/** Frames of every shape that zstd writes: raw, repeated and compressed blocks, with and without checksum and size. */
const frames = {
  nothing: zstdCompressSync(Buffer.alloc(0)),
  text: zstdCompressSync(text),
  zeros: zstdCompressSync(Buffer.alloc(300_000)),
  noise: zstdCompressSync(noise('frame', 200_000)),
  'text with a checksum': zstdCompressSync(text, {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
  }),
  'text of no known size': zstdCompressSync(text, {
    params: { [constants.ZSTD_c_contentSizeFlag]: 0 },
  }),
  'a few bytes': zstdCompressSync(Buffer.from('few')),
}

describe.each(Object.entries(frames))('a frame of %s', (_, frame) => {
  test('is as long as it says, whatever follows', () => {
    expect(frameLength(frame)).toBe(frame.length)
    expect(frameLength(Buffer.concat([frame, Buffer.from('more')]))).toBe(frame.length)
  })

  test('is not whole when any of its end is missing', () => {
    const cuts = fc.integer({ min: 0, max: frame.length - 1 })
    fc.assert(
      fc.property(cuts, (length) => frameLength(frame.subarray(0, length)) === undefined),
      { numRuns: 200 },
    )
  })
})

test('bytes that begin otherwise are no frame', () => {
  expect(frameLength(Buffer.from('no frame at all'))).toBeUndefined()
})

test('whatever the bytes are, it ends', () => {
  const head = frames.text.subarray(0, 4)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (rest) => {
      const bytes = Buffer.concat([head, rest])
      const length = frameLength(bytes)
      return length === undefined || length <= bytes.length
    }),
  )
})
