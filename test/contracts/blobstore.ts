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

    test.each(['packs', '/packs/A', 'packs/../A', '../A', 'packs/.A', 'packs/', 'packs/A/..'])(
      '%j is no key',
      async (key) => {
        await using opened = await open()
        await expect(opened.blobs.put(key, [])).rejects.toMatchObject({ kind: 'internal' })
      },
    )
  })
}
