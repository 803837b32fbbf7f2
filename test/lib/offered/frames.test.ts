import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from '@jest/globals'
import { frameLength } from '../../../lib/content/frame.ts'
import { holeFrame, plainFrame } from '../../../lib/offered/frames.ts'
import { noise } from '../../support/chunks.ts'

const lengths = [1, 4096, 128 * 1024, 128 * 1024 + 1, 256 * 1024, 3_000_000]

test.each(lengths)('a hole of %d bytes is a frame of so many zeros', (length) => {
  const frame = holeFrame(length)
  expect(frameLength(frame)).toBe(frame.length)
  expect(zstdDecompressSync(frame).equals(Buffer.alloc(length))).toBe(true)
})

test.each(lengths)('%d bytes are a frame of themselves', (length) => {
  const bytes = noise('plain', length)
  const frame = plainFrame(bytes)
  expect(frameLength(frame)).toBe(frame.length)
  expect(zstdDecompressSync(frame).equals(bytes)).toBe(true)
})
