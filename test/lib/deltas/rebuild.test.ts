import { zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, test } from '@jest/globals'
import { notThere } from '../../../lib/chunks/packs.ts'
import type { ChunkSource } from '../../../lib/chunks/source.ts'
import { cutSegment, chunksOf } from '../../../lib/content/extents.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import type { Manifest } from '../../../lib/content/manifest.ts'
import { numberedChunks } from '../../../lib/content/numbered.ts'
import type { DeltaRun } from '../../../lib/deltas/deltas.ts'
import { makeDeltas } from '../../../lib/deltas/make.ts'
import { rebuildChunks } from '../../../lib/deltas/rebuild.ts'
import { startPool } from '../../../lib/workers/pool.ts'
import {
  type Chunk,
  collect,
  contentOf,
  holding,
  noise,
  zstdChunk,
  rawChunk,
} from '../../support/chunks.ts'

const pool = startPool(2)
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
})

const { signal } = new AbortController()

const damaged = { kind: 'corrupt', reason: 'CHUNK_CORRUPT' }
const malformed = { kind: 'invalid', reason: 'INVALID_CHUNK' }

/** An image of one file, and its chunks. */
function imageOf(data: Buffer) {
  const extents = cutSegment(data)
  const manifest: Manifest = {
    artifacts: [
      {
        kind: 'rootfs',
        mediaType: 'application/vnd.merge.image.rootfs',
        format: 'raw',
        boot: 'any',
        sizeBytes: data.length,
        sha256: sha256(data),
        extents,
      },
    ],
  }
  const chunks = Array.from(chunksOf(extents), ({ offset, length }, i) => {
    const raw = data.subarray(offset, offset + length)
    return i % 3 === 0 ? rawChunk(raw) : zstdChunk(raw)
  })
  return { manifest, chunks, numbered: numberedChunks(manifest) }
}

const before = noise('a file system', 3_000_000)

/** The same, with a few bytes changed in every stretch of so many. */
function edited(data: Buffer, every: number): Buffer {
  const copy = Buffer.from(data)
  for (let at = 1000; at < copy.length; at += every) copy.write('another', at)
  return copy
}

/** A source as a store is one: what is not there ends a fetch. */
function storeOf(chunks: readonly Chunk[]): ChunkSource {
  const source = holding(chunks)
  return {
    ...source,
    async *fetch(digests) {
      yield* source.fetch(digests)
      const [absent] = await source.missing(digests)
      if (absent !== undefined) throw notThere(absent)
    },
  }
}

async function* from(runs: readonly DeltaRun[]): AsyncGenerator<DeltaRun> {
  await Promise.resolve()
  yield* runs
}

describe('deltas', () => {
  const base = imageOf(before)
  const target = imageOf(edited(before, 50_000))
  const both = holding([...base.chunks, ...target.chunks])
  const make = () =>
    collect(makeDeltas(base.manifest, target.manifest, { source: both, pool }, signal))

  test('make the chunks of the target from the base, in a fraction of the bytes', async () => {
    const runs = await make()
    const bytes = runs.reduce((sum, { payload }) => sum + payload.length, 0)
    expect(bytes).toBeLessThan(before.length / 20)
    const source = holding(base.chunks)
    const rebuilt = await collect(
      rebuildChunks(
        from(runs),
        base.numbered,
        target.numbered,
        { source, pool, compressed: true },
        signal,
      ),
    )
    const made = contentOf(rebuilt)
    const lacking = target.numbered.filter(
      ({ digest }) => !base.numbered.some((one) => one.digest === digest),
    )
    expect(lacking.length).toBeGreaterThan(20)
    expect([...made.keys()].toSorted()).toEqual(lacking.map(({ digest }) => digest).toSorted())
  })

  const rebuild = (runs: readonly DeltaRun[], held = base.chunks) =>
    collect(
      rebuildChunks(
        from(runs),
        base.numbered,
        target.numbered,
        { source: storeOf(held), pool, compressed: true },
        signal,
      ),
    )

  test('leave out what they cannot make, because its base is not there any more', async () => {
    const runs = await make()
    const half = base.chunks.slice(0, base.chunks.length / 2)
    const [some, all] = [await rebuild(runs, half), await rebuild(runs)]
    expect(contentOf(some).size).toBeGreaterThan(0)
    expect(contentOf(some).size).toBeLessThan(contentOf(all).size)
  })

  test('that make other bytes are found out', async () => {
    const [run] = await make()
    if (run === undefined) throw new Error('no deltas')
    const [delta] = run.deltas
    if (delta === undefined) throw new Error('no delta')
    const flipped = Uint8Array.from(run.payload, (byte, i) => (i === 40 ? byte ^ 1 : byte))
    const bomb = zstdCompressSync(Buffer.alloc(300_000_000))
    const cut = { ...run, payload: run.payload.subarray(0, -1) }
    const elsewhere = { ...delta, baseFirst: delta.baseFirst + 1 }
    await expect(rebuild([{ ...run, payload: flipped }])).rejects.toMatchObject(damaged)
    await expect(
      rebuild([{ deltas: [{ ...delta, size: bomb.length }], payload: bomb }]),
    ).rejects.toMatchObject(damaged)
    await expect(
      rebuild([{ ...run, deltas: [elsewhere, ...run.deltas.slice(1)] }]),
    ).rejects.toMatchObject(damaged)
    await expect(rebuild([cut])).rejects.toMatchObject(malformed)
  })

  test.each([
    ['no chunks', { count: 0 }],
    ['no dictionary', { baseCount: 0 }],
    ['chunks that the image does not have', { first: 100_000 }],
    ['a dictionary that the base does not have', { baseFirst: 4_000_000_000 }],
    ['more chunks than a delta may', { first: 0, count: 41 }],
    ['a frame that is longer than its payload', { size: 4_000_000_000 }],
  ])('that name %s are refused', async (_, wrong) => {
    const [run] = await make()
    const deltas = run?.deltas.map((delta) => ({ ...delta, ...wrong })) ?? []
    await expect(
      rebuild([{ deltas, payload: run?.payload ?? Buffer.alloc(0) }]),
    ).rejects.toMatchObject(malformed)
  })
})
