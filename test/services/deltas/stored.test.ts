import { Readable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { FetchDeltasResponse } from '../../../proto/gen/merge/image/v1/delta.ts'
import { keepStored, readStored } from '../../../services/deltas/stored.ts'
import { blobsInMemory } from '../../support/blobs.ts'
import { collect } from '../../support/chunks.ts'

const signal = new AbortController().signal
const mebibyte = 1024 * 1024

const messages = Array.from({ length: 40 }, (_, first) => ({
  base: Buffer.alloc(32, first),
  deltas: [{ first, count: 1, baseFirst: 0, baseCount: 2, size: mebibyte }],
  payload: Buffer.alloc(mebibyte, first),
}))

async function* all(
  some: readonly FetchDeltasResponse[],
): AsyncGenerator<FetchDeltasResponse, void, undefined> {
  yield* Readable.from(some) as AsyncIterable<FetchDeltasResponse>
}

function keep(blobs: ReturnType<typeof blobsInMemory>, some: readonly FetchDeltasResponse[]) {
  let count = 0
  return keepStored(all(some), { blobs, newKey: () => `deltas/${count++}` }, signal)
}

describe('stored deltas', () => {
  test('are objects of little more than 16 MiB, read in order', async () => {
    const blobs = blobsInMemory()
    const objects = await keep(blobs, messages)
    expect(objects.map(({ key }) => key)).toEqual(['deltas/0', 'deltas/1', 'deltas/2'])
    expect(Math.max(...objects.map(({ sizeBytes }) => sizeBytes))).toBeLessThan(18 * mebibyte)
    const read: FetchDeltasResponse[] = []
    for (const object of objects) {
      for await (const { deltas, bytes } of readStored(blobs, object, signal)) {
        const message = FetchDeltasResponse.decode(bytes)
        expect(message.deltas).toEqual(deltas)
        read.push(message)
      }
    }
    expect(read.map(({ deltas }) => deltas)).toEqual(messages.map(({ deltas }) => deltas))
    expect(read.every(({ payload }, i) => payload.equals(Buffer.alloc(mebibyte, i)))).toBe(true)
  })

  test('that end too early are PACK_CORRUPT', async () => {
    const blobs = blobsInMemory()
    const [{ key, sizeBytes } = { key: '', sizeBytes: 0 }] = await keep(blobs, messages.slice(0, 2))
    const cut = { key, sizeBytes: sizeBytes - 1 }
    await expect(collect(readStored(blobs, cut, signal))).rejects.toMatchObject({
      reason: 'PACK_CORRUPT',
    })
  })

  test('are no object at all where there are no deltas', async () => {
    expect(await keep(blobsInMemory(), [])).toEqual([])
  })
})
