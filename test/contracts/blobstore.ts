import { describe, expect, test } from '@jest/globals'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { collect, noise } from '../support/chunks.ts'

export interface OpenBlobs extends AsyncDisposable {
  readonly blobs: BlobStore
}

/** What every blob store does; `open` makes an empty one. */
export function blobStoreContract(name: string, open: () => Promise<OpenBlobs>): void {
  const bytes = noise(name, 3_000_000)
  const parts = [bytes.subarray(0, 10), bytes.subarray(10, 10), bytes.subarray(10)]

  describe(`${name} is a blob store`, () => {
    test('the parts of a blob come back as one, at any range', async () => {
      await using opened = await open()
      const { blobs } = opened
      await blobs.put('packs/A', parts)
      expect(await blobs.stat('packs/A')).toEqual({ key: 'packs/A', sizeBytes: bytes.length })
      for (const [from, length] of [
        [0, 1],
        [5, 10],
        [1_000_000, 1_048_576],
        [bytes.length - 1, 1],
        [0, bytes.length],
      ] as const) {
        const range = Buffer.from(await blobs.range('packs/A', from, length))
        expect(range.equals(bytes.subarray(from, from + length))).toBe(true)
      }
    })

    test('a taken key is never overwritten, not even by writers at the same time', async () => {
      await using opened = await open()
      const { blobs } = opened
      const results = await Promise.allSettled(
        ['one', 'two', 'six'].map((text) => blobs.put('packs/A', [Buffer.from(text)])),
      )
      const kept = results.findIndex(({ status }) => status === 'fulfilled')
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const again = blobs.put('packs/A', [Buffer.from('ten')])
      await expect(again).rejects.toMatchObject({ kind: 'exists', reason: 'FILE_EXISTS' })
      const there = Buffer.from(await blobs.range('packs/A', 0, 3)).toString()
      expect(there).toBe(['one', 'two', 'six'][kept])
    })

    test('a blob that is not there, or ends before, is told apart', async () => {
      await using opened = await open()
      const { blobs } = opened
      await blobs.put('packs/A', [Buffer.from('0123')])
      const gone = { reason: 'CHUNK_NOT_FOUND' }
      await expect(blobs.range('packs/B', 0, 1)).rejects.toMatchObject(gone)
      for (const [from, length] of [
        [2, 3],
        [4, 1],
        [9, 9],
      ] as const) {
        const short = { kind: 'corrupt', reason: 'PACK_CORRUPT' }
        await expect(blobs.range('packs/A', from, length)).rejects.toMatchObject(short)
      }
      expect(await blobs.stat('packs/B')).toBeUndefined()
    })

    test('a list has the blobs of its folder in order, with their sizes', async () => {
      await using opened = await open()
      const { blobs } = opened
      expect(await collect(blobs.list('packs/'))).toEqual([])
      await blobs.put('packs/B', [Buffer.from('22')])
      await blobs.put('other/C', [Buffer.from('333')])
      await blobs.put('packs/A', [Buffer.from('1')])
      expect(await collect(blobs.list('packs/'))).toEqual([
        { key: 'packs/A', sizeBytes: 1 },
        { key: 'packs/B', sizeBytes: 2 },
      ])
    })

    test('a deleted blob is gone, and deleting it again is nothing', async () => {
      await using opened = await open()
      const { blobs } = opened
      await blobs.put('packs/A', [Buffer.from('1')])
      await blobs.range('packs/A', 0, 1)
      await blobs.delete('packs/A')
      await blobs.delete('packs/A')
      expect(await blobs.stat('packs/A')).toBeUndefined()
      await expect(blobs.range('packs/A', 0, 1)).rejects.toMatchObject({ kind: 'missing' })
    })

    test('an aborted signal stops a put, and nothing shows', async () => {
      await using opened = await open()
      const { blobs } = opened
      const gone = AbortSignal.abort(new Error('no more'))
      await expect(blobs.put('packs/A', parts, gone)).rejects.toThrow('no more')
      expect(await blobs.stat('packs/A')).toBeUndefined()
    })

    test('a put that is stopped, or whose parts fail, shows nothing, and the key is free', async () => {
      await using opened = await open()
      const { blobs } = opened
      const stopping = new AbortController()
      async function* stopped() {
        yield await Promise.resolve(bytes)
        stopping.abort(new Error('no more'))
        yield bytes
      }
      async function* broken() {
        yield await Promise.resolve(bytes)
        throw new Error('the line was cut')
      }
      await expect(blobs.put('packs/A', stopped(), stopping.signal)).rejects.toThrow('no more')
      await expect(blobs.put('packs/A', broken())).rejects.toThrow('the line was cut')
      expect(await collect(blobs.list('packs/'))).toEqual([])
      await blobs.put('packs/A', parts)
      expect(await blobs.stat('packs/A')).toMatchObject({ sizeBytes: bytes.length })
    })

    test('an aborted signal stops a range and a list', async () => {
      await using opened = await open()
      const { blobs } = opened
      await blobs.put('packs/A', parts)
      const gone = AbortSignal.abort(new Error('no more'))
      await expect(blobs.range('packs/A', 0, 1, gone)).rejects.toThrow('no more')
      await expect(collect(blobs.list('packs/', gone))).rejects.toThrow('no more')
    })

    test('a part may be used again as soon as the next is asked for', async () => {
      await using opened = await open()
      const { blobs } = opened
      async function* reused() {
        const part = Buffer.alloc(10)
        for (const digit of '0123') yield await Promise.resolve(part.fill(digit))
      }
      await blobs.put('packs/A', reused())
      const there = Buffer.from(await blobs.range('packs/A', 0, 40)).toString()
      expect(there).toBe(['0', '1', '2', '3'].map((digit) => digit.repeat(10)).join(''))
    })

    test('an empty range is empty, and an empty blob is a blob', async () => {
      await using opened = await open()
      const { blobs } = opened
      await blobs.put('packs/A', [])
      expect(await blobs.stat('packs/A')).toEqual({ key: 'packs/A', sizeBytes: 0 })
      expect(await blobs.range('packs/A', 0, 0)).toHaveLength(0)
      await expect(blobs.range('packs/A', 0, 1)).rejects.toMatchObject({ reason: 'PACK_CORRUPT' })
      await expect(blobs.range('packs/B', 0, 0)).rejects.toMatchObject({ kind: 'missing' })
    })

    test('a pack of 20 MB comes back whole in many ranges at once, which are the caller’s', async () => {
      await using opened = await open()
      const { blobs } = opened
      const large = Array.from({ length: 20 }, (_, i) => noise(`${name} ${i}`, 1_000_000))
      await blobs.put('packs/A', large)
      const read = await Promise.all(
        large.map((_, i) => blobs.range('packs/A', i * 1_000_000, 1_000_000)),
      )
      expect(read.map((range, i) => large[i]?.equals(range))).toEqual(large.map(() => true))
      for (const range of read) range.fill(0)
      expect(read.every((range) => range.every((byte) => byte === 0))).toBe(true)
    })

    test('a reader of a list may leave early', async () => {
      await using opened = await open()
      const { blobs } = opened
      for (const key of ['packs/A', 'packs/B']) await blobs.put(key, [])
      for await (const { key } of blobs.list('packs/')) {
        expect(key).toBe('packs/A')
        break
      }
    })

    test('what leads out of the store, or is no name in a folder, is no key', async () => {
      await using opened = await open()
      const { blobs } = opened
      const wrong = ['packs', '/packs/A', 'packs/../A', '../A', 'packs/.A', 'packs/', 'packs/A/..']
      for (const key of wrong) {
        const refused = { kind: 'internal' }
        await expect(blobs.put(key, [])).rejects.toMatchObject(refused)
        await expect(blobs.range(key, 0, 1)).rejects.toMatchObject(refused)
        await expect(blobs.stat(key)).rejects.toMatchObject(refused)
        await expect(blobs.delete(key)).rejects.toMatchObject(refused)
      }
    })
  })
}
