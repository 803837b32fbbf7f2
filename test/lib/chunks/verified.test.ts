import { describe, expect, test } from '@jest/globals'
import type { ChunkSource, Run } from '../../../lib/chunks/source.ts'
import { verified, type Verify } from '../../../lib/chunks/verified.ts'
import { corrupt } from '../../../lib/failure.ts'
import { chunksOf, collect, contentOf, digestsOf, holding, storedOf } from '../../support/chunks.ts'

const chunks = chunksOf('verified', 40)
const digests = digestsOf(chunks)

const check: Verify = (run) => {
  const [[digest, found] = []] = contentOf([run])
  return digest === found ? Promise.resolve(run) : Promise.reject(corrupt('CHUNK_CORRUPT', 'bad'))
}

describe('a verified source', () => {
  test('yields every run that is good', async () => {
    const runs = await collect(verified(holding(chunks, 1), check).fetch(digests))
    expect(contentOf(runs)).toEqual(storedOf(chunks))
  })

  test('ends at a bad one, and tells its source to stop', async () => {
    let stopped = false
    const lying: ChunkSource = {
      ...holding(chunks),
      async *fetch(asked, signal) {
        signal?.addEventListener('abort', () => (stopped = true))
        for await (const run of holding(chunks, 1).fetch(asked)) {
          const bad = run.entries[0]?.digest === digests[7]
          yield bad ? { ...run, payload: Buffer.from(run.payload).fill(0) } : run
        }
      },
    }
    const fetched = collect(verified(lying, check).fetch(digests))
    await expect(fetched).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
    expect(stopped).toBe(true)
  })

  test('checks several runs at once, and no more than it may', async () => {
    let [now, most] = [0, 0]
    const slow: Verify = async (run) => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      return run
    }
    await collect(verified(holding(chunks, 1), slow, 3).fetch(digests))
    expect(most).toBe(3)
  })

  test('does not read on when nobody takes the runs', async () => {
    let read = 0
    const source: ChunkSource = {
      ...holding(chunks),
      async *fetch(asked) {
        for await (const run of holding(chunks, 1).fetch(asked)) {
          read++
          yield run
        }
      },
    }
    for await (const run of verified(source, check, 2).fetch(digests)) {
      if (run.entries.length > 0) break
    }
    expect(read).toBeLessThan(10)
  })

  test('heeds the signal while its source hangs', async () => {
    const stop = new AbortController()
    const hanging: ChunkSource = {
      ...holding([]),
      async *fetch(_, signal): AsyncGenerator<Run> {
        await new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(new Error('left'))
          })
          stop.abort()
        })
        yield* []
      },
    }
    await expect(collect(verified(hanging, check).fetch(digests, stop.signal))).rejects.toThrow(
      'left',
    )
  })
})
