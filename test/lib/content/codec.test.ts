import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { zstdCompressSync } from 'node:zlib'
import type { Codec } from '../../../lib/chunks/source.ts'
import { chunkDecoder, chunkEncoder } from '../../../lib/content/codec.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { noise } from '../../support/chunks.ts'

const compress = chunkEncoder()
const decompress = chunkDecoder()
const text = Buffer.from('what is written again and again. '.repeat(1000))

const entryOf = (codec: Codec, raw: Uint8Array, rawBytes = raw.length) => ({
  digest: sha256(raw),
  codec,
  storedBytes: 0,
  rawBytes,
})

const corrupt = expect.objectContaining({ reason: 'CHUNK_CORRUPT' })

function errorOf(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

describe('a chunk', () => {
  test('comes out as it went in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000 }), fc.nat(40), (bytes, times) => {
        const raw = Buffer.concat(Array.from({ length: times + 1 }, () => bytes))
        const { codec, bytes: stored } = compress(raw)
        expect(raw.equals(decompress(entryOf(codec, raw), stored))).toBe(true)
      }),
    )
  })

  test('is compressed where that helps', () => {
    expect(compress(text).codec).toBe('zstd')
  })

  test('is stored raw where it does not', () => {
    expect(compress(noise('dense', 65536))).toEqual({ codec: 'raw', bytes: noise('dense', 65536) })
  })
})

describe('decompressing', () => {
  const stored = zstdCompressSync(text)

  test.each([
    ['more bytes than declared', stored, text.length - 1],
    ['fewer bytes than declared', stored, text.length + 1],
    ['a frame that is cut short', stored.subarray(0, -1), text.length],
    ['bytes after the frame', Buffer.concat([stored, Buffer.from('more')]), text.length],
    ['no frame', text, text.length],
    ['nothing', Buffer.alloc(0), text.length],
  ])('refuses %s', (_, bytes, rawBytes) => {
    expect(errorOf(() => decompress(entryOf('zstd', text, rawBytes), bytes))).toEqual(corrupt)
  })

  test('refuses raw bytes of another length', () => {
    expect(errorOf(() => decompress(entryOf('raw', text, 1), text))).toEqual(corrupt)
  })

  test('never makes more than declared, however much the frame holds', () => {
    const bomb = zstdCompressSync(Buffer.alloc(256 * 1024 * 1024))
    expect(errorOf(() => decompress(entryOf('zstd', text), bomb))).toEqual(corrupt)
  })

  test('goes on after a chunk whose frame is broken inside', () => {
    const broken = Buffer.from(stored)
    broken.fill(0xff, 12, 40)
    for (const _ of [1, 2]) {
      expect(errorOf(() => decompress(entryOf('zstd', text), broken))).toEqual(corrupt)
      expect(text.equals(decompress(entryOf('zstd', text), stored))).toBe(true)
    }
  })

  test('says which chunk is wrong', () => {
    expect(errorOf(() => decompress(entryOf('zstd', text), text))).toMatchObject({
      facts: { digest: sha256(text) },
    })
  })
})
