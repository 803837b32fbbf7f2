import { readFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { packHeader, packTrailer, readPackIndex } from '../../../lib/chunks/pack.ts'
import { Failure } from '../../../lib/failure.ts'
import { type Chunk, chunksOf, digestsOf, rawChunk, zstdChunk } from '../../support/chunks.ts'

function packOf(chunks: readonly Chunk[]): Buffer {
  const stored = chunks.map((chunk) => chunk.stored)
  return Buffer.concat([packHeader(), ...stored, packTrailer(chunks.map(({ entry }) => entry))])
}

function indexOf(pack: Uint8Array, onRead: (length: number) => void = () => undefined) {
  const read = (offset: number, length: number): Promise<Uint8Array> => {
    onRead(length)
    expect(offset).toBeGreaterThanOrEqual(0)
    expect(offset + length).toBeLessThanOrEqual(pack.length)
    return Promise.resolve(pack.subarray(offset, offset + length))
  }
  return readPackIndex(read, pack.length)
}

const chunks = [...chunksOf('pack', 20, 100), zstdChunk(Buffer.alloc(5000, 'zstd'))]
const pack = packOf(chunks)
const damaged = { kind: 'corrupt', reason: 'PACK_CORRUPT' }

describe('the index of a pack', () => {
  test('says where every chunk lies', async () => {
    const entries = await indexOf(pack)
    expect(entries.map(({ digest }) => digest)).toEqual(digestsOf(chunks))
    for (const [i, { offset, ...entry }] of entries.entries()) {
      expect(entry).toEqual(chunks[i]?.entry)
      const bytes = pack.subarray(offset, offset + entry.storedBytes)
      expect(bytes.equals(chunks[i]?.stored ?? bytes.subarray(1))).toBe(true)
    }
  })

  test('is read in two reads from the end', async () => {
    const lengths: number[] = []
    await indexOf(pack, (length) => lengths.push(length))
    expect(lengths).toEqual([56, chunks.length * 48])
  })

  test('may be empty', async () => {
    expect(await indexOf(packOf([]))).toEqual([])
  })

  test('is refused if any byte of it is another', async () => {
    const from = pack.length - packTrailer(chunks.map(({ entry }) => entry)).length
    for (let at = from; at < pack.length; at++) {
      const bytes = Buffer.from(pack)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      await expect(indexOf(bytes)).rejects.toMatchObject(damaged)
    }
  })

  test('is refused if the pack is cut anywhere, or has more', async () => {
    for (let end = 0; end < pack.length; end += 7) {
      await expect(indexOf(pack.subarray(0, end))).rejects.toMatchObject(damaged)
    }
    await expect(indexOf(Buffer.concat([pack, pack]))).rejects.toMatchObject(damaged)
    const twice = Buffer.concat([packHeader(), pack])
    await expect(indexOf(twice)).rejects.toMatchObject(damaged)
  })

  test('is refused with a right checksum over wrong entries', async () => {
    const raw = rawChunk(Buffer.from('raw'))
    const wrong = packTrailer([{ ...raw.entry, rawBytes: 4 }])
    const bytes = Buffer.concat([packHeader(), raw.stored, wrong])
    await expect(indexOf(bytes)).rejects.toMatchObject(damaged)
  })

  test('of any bytes is read or refused, and nothing else', async () => {
    const mutated = fc
      .array(fc.tuple(fc.nat(1100), fc.nat(255)), { minLength: 1 })
      .map((changes) => {
        const bytes = Buffer.from(pack)
        for (const [at, value] of changes) bytes[bytes.length - 1 - at] = value
        return bytes
      })
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), async (bytes) => {
        const result = await indexOf(bytes).catch((error: unknown) => error)
        expect(Array.isArray(result) || result instanceof Failure).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })
})

interface Vector {
  readonly chunks: readonly {
    readonly text: string
    readonly zstd: boolean
    readonly stored: string
  }[]
  readonly pack: string
}

describe('the vector of docs/format.md', () => {
  const vector = async (): Promise<Vector> =>
    JSON.parse(await readFile('test/vectors/pack.json', 'utf8')) as Vector

  test('is what we write, and reads back', async () => {
    const { chunks, pack } = await vector()
    const made = chunks.map(({ text, zstd, stored }): Chunk => {
      const { entry } = rawChunk(Buffer.from(text))
      const bytes = Buffer.from(stored, 'hex')
      const codec = zstd ? 'zstd' : 'raw'
      return { entry: { ...entry, codec, storedBytes: bytes.length }, stored: bytes }
    })
    expect(packOf(made).toString('hex')).toBe(pack)
    expect(await indexOf(Buffer.from(pack, 'hex'))).toHaveLength(chunks.length)
  })

  test('stands there in full', async () => {
    const { pack } = await vector()
    const text = await readFile('docs/format.md', 'utf8')
    const dumped = [...text.matchAll(/^[0-9a-f]{6}((?: [0-9a-f]{2}){1,16})$/gm)]
    expect(dumped.map(([, bytes = '']) => bytes.replaceAll(' ', '')).join('')).toContain(pack)
  })
})
