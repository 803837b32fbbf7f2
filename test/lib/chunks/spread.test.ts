import { expect, test } from '@jest/globals'
import type { ChunkSource } from '../../../lib/chunks/source.ts'
import { spread } from '../../../lib/chunks/spread.ts'
import { chunksOf, collect, contentOf, digestsOf, holding, storedOf } from '../../support/chunks.ts'

const chunks = chunksOf('spread', 10)
const digests = digestsOf(chunks)

function counting(): ChunkSource & { fetches: number } {
  const source = holding(chunks, 1)
  const self = {
    ...source,
    fetches: 0,
    fetch: (asked: typeof digests) => (self.fetches++, source.fetch(asked)),
  }
  return self
}

test('fetches at once go over connections of their own, and what is alone over the first', async () => {
  const [a, b, c] = [counting(), counting(), counting()]
  const source = spread([a, b, c])
  for (let i = 0; i < 3; i++) {
    const runs = await collect(source.fetch(digests))
    expect(contentOf(runs)).toEqual(storedOf(chunks))
  }
  expect([a, b, c].map(({ fetches }) => fetches)).toEqual([3, 0, 0])
  const under = [1, 2, 3, 4].map(() => source.fetch(digests)[Symbol.asyncIterator]())
  for (const fetch of under) await fetch.next()
  expect([a, b, c].map(({ fetches }) => fetches)).toEqual([5, 1, 1])
})

test('a fetch that fails or is left frees its connection', async () => {
  const [a, b] = [counting(), counting()]
  const source = spread([
    {
      ...a,
      async *fetch() {
        yield* a.fetch(digests)
        throw new Error('cut')
      },
    },
    b,
  ])
  await expect(collect(source.fetch(digests))).rejects.toThrow('cut')
  for await (const run of source.fetch(digests)) if (run.entries.length > 0) break
  await expect(collect(source.fetch(digests))).rejects.toThrow('cut')
  expect([a.fetches, b.fetches]).toEqual([3, 0])
})
