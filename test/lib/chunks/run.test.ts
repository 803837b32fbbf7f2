import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { FetchChunksResponse } from '../../../proto/gen/merge/image/v1/chunk.ts'
import { decodeRun, encodeRun } from '../../../lib/chunks/run.ts'
import { maxRunBytes, type Run } from '../../../lib/chunks/source.ts'
import { maxChunkBytes } from '../../../lib/content/gear.ts'
import { Failure } from '../../../lib/failure.ts'
import { type Chunk, chunksOf, noise, rawChunk, runOf } from '../../support/chunks.ts'

const someChunk = fc
  .record({ raw: fc.uint8Array({ minLength: 1, maxLength: 300 }), zstd: fc.boolean() })
  .map(({ raw, zstd }): Chunk => {
    const chunk = rawChunk(raw)
    return zstd ? { ...chunk, entry: { ...chunk.entry, codec: 'zstd' } } : chunk
  })
const someRun = fc.array(someChunk, { minLength: 1, maxLength: 40 }).map(runOf)

function plain({ entries, payload }: Run): unknown {
  return { entries, payload: Buffer.from(payload) }
}

const one = runOf(chunksOf('one', 2))

function changed(change: (entry: Run['entries'][number]) => object): Buffer {
  return encodeRun({
    ...one,
    entries: one.entries.map((entry) => ({ ...entry, ...change(entry) })),
  })
}

describe('a run on the wire', () => {
  test('reads back as it was written', () => {
    fc.assert(
      fc.property(someRun, (run) => {
        expect(plain(decodeRun(encodeRun(run)))).toEqual(plain(run))
      }),
    )
  })

  test('has its payload without a copy', () => {
    const bytes = encodeRun(one)
    expect(decodeRun(bytes).payload.buffer).toBe(bytes.buffer)
  })

  test('tells the fingerprints of its chunks, where any are known', () => {
    const print = noise('print', 32)
    const entries = one.entries.map((entry, i) =>
      i === 0 ? entry : { ...entry, fingerprint: print },
    )
    const bytes = encodeRun({ ...one, entries })
    const told = Buffer.concat([Buffer.alloc(32), print])
    expect(decodeRun(bytes)).toEqual({ ...one, payload: expect.anything(), told })
    expect(FetchChunksResponse.decode(bytes).fingerprints).toEqual(told)
  })

  test('may have fields that are not known yet', () => {
    const more = new BinaryWriter()
      .tag(77, WireType.LengthDelimited)
      .string('new')
      .tag(78, WireType.Varint)
    const bytes = Buffer.concat([more.uint32(5).finish(), encodeRun(one)])
    expect(plain(decodeRun(bytes))).toEqual(plain(one))
  })

  test('may have its sizes unpacked, as protobuf allows', () => {
    const writer = new BinaryWriter()
    writer.tag(1, WireType.LengthDelimited).bytes(Buffer.alloc(64))
    for (const size of [3, 4]) writer.tag(2, WireType.Varint).uint32(size)
    for (const size of [3, 4]) writer.tag(3, WireType.Varint).uint32(size)
    writer.tag(4, WireType.LengthDelimited).bytes(Buffer.alloc(2))
    writer.tag(5, WireType.LengthDelimited).bytes(Buffer.from('abcdefg'))
    const { entries, payload } = decodeRun(writer.finish())
    expect(entries.map(({ storedBytes }) => storedBytes)).toEqual([3, 4])
    expect(Buffer.from(payload).toString()).toBe('abcdefg')
  })

  test('is the message of the API', () => {
    const message = FetchChunksResponse.decode(encodeRun(one))
    expect(message).toMatchObject({
      storedSizes: one.entries.map(({ storedBytes }) => storedBytes),
      rawSizes: one.entries.map(({ rawBytes }) => rawBytes),
    })
    expect(plain(decodeRun(FetchChunksResponse.encode(message).finish()))).toEqual(plain(one))
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['too few digests', encodeRun({ ...one, entries: one.entries.slice(1) })],
    ['a payload that is too short', encodeRun({ ...one, payload: one.payload.subarray(1) })],
    ['a payload that is too long', encodeRun({ ...one, payload: noise('x', 5000) })],
    ['empty chunks', changed(() => ({ storedBytes: 0, rawBytes: 0 }))],
    ['chunks of no raw bytes', changed(() => ({ rawBytes: 0, codec: 'zstd' }))],
    ['too large chunks', changed(() => ({ rawBytes: maxChunkBytes + 1, codec: 'zstd' }))],
    ['raw chunks of two sizes', changed(({ rawBytes }) => ({ rawBytes: rawBytes + 1 }))],
    ['chunks that grew', changed(({ rawBytes }) => ({ rawBytes: rawBytes - 1, codec: 'zstd' }))],
    ['a cut message', encodeRun(one).subarray(0, -1)],
    ['fingerprints of other chunks', Buffer.concat([encodeRun(one), fingerprinted(1)])],
    ['an unknown codec', encodeRun(one).map((byte, at) => (at === codecAt() ? 2 : byte))],
    ['too much', encodeRun(runOf(chunksOf('much', 6, maxRunBytes / 4)))],
  ])('is refused: %s', (_, bytes) => {
    expect(() => decodeRun(bytes)).toThrow(expect.objectContaining({ reason: 'INVALID_CHUNK' }))
  })

  test('of any other bytes is a Failure and nothing else', () => {
    const mutated = fc
      .tuple(someRun, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([run, changes]) => {
        const bytes = encodeRun(run)
        for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 200)] = value
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated), (bytes) => {
        try {
          decodeRun(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Failure)
          expect(error).toMatchObject({ reason: 'INVALID_CHUNK' })
        }
      }),
      { numRuns: 5000 },
    )
  })
})

function fingerprinted(chunks: number): Uint8Array {
  return new BinaryWriter()
    .tag(7, WireType.LengthDelimited)
    .bytes(Buffer.alloc(32 * chunks))
    .finish()
}

/** The codecs are the two bytes before the payload's tag and three bytes of length. */
function codecAt(): number {
  const bytes = encodeRun(one)
  return bytes.length - one.payload.length - 2 - 2
}
