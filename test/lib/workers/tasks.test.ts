import { afterAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { sha256, type Digest } from '../../../lib/content/digest.ts'
import { cutSegment, chunksOf } from '../../../lib/content/extents.ts'
import { joinFingerprints } from '../../../lib/chunks/fingerprint.ts'
import { maxRunBytes, type Run } from '../../../lib/chunks/source.ts'
import type { FileSpan } from '../../../lib/workers/reading.ts'
import { startPool } from '../../../lib/workers/pool.ts'
import { slots } from '../../../lib/workers/slot.ts'
import { compressor, fingerprinter, movedRun, verifier } from '../../../lib/workers/verifier.ts'
import { noise, rawChunk, runOf, zstdChunk } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'
import '../../support/realm.ts'

const pool = startPool(2)
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
})

async function fileOf(folder: string, data: Uint8Array) {
  const name = path.join(folder, 'file')
  await writeFile(name, data)
  const handle = await open(name, 'r')
  const span = { path: name, fd: handle.fd, offset: 0, length: data.length }
  return { span, [Symbol.asyncDispose]: () => handle.close() }
}

const text = Buffer.from('one line after another\n'.repeat(20_000))
const chunks = [rawChunk(noise('dense', 50_000)), zstdChunk(text.subarray(0, 100_000))]

describe('a segment', () => {
  const filling = ({ length, ...span }: FileSpan) =>
    ({ length, filling: { kind: 'span', ...span } }) as const

  test('is read, cut and compressed into runs that verify', async () => {
    await using folder = await temporaryFolder()
    const data = Buffer.concat([noise('segment', 3_000_000), Buffer.alloc(200_000), text])
    await using file = await fileOf(folder.path, data)
    const { item: slot } = await slots(1, data.length).take()
    const cut = await pool.run('segment', { slot, ...filling(file.span) })
    const { lengths, digests } = cutSegment(data)
    expect(cut.lengths).toEqual(lengths)
    expect(digests.equals(cut.digests)).toBe(true)

    const all = [...chunksOf({ lengths, digests })]
    const runs = await pool.run('compress', { slot, chunks: all })
    const entries = runs.flatMap((run) => run.entries)
    expect(entries.map(({ digest }) => digest)).toEqual(all.map(({ digest }) => digest))
    expect(Math.max(...runs.map((run) => run.payload.length))).toBeLessThanOrEqual(maxRunBytes)
    await Promise.all(runs.map((run) => verifier(pool)(run)))
  })

  test('that ends too early is FILE_CHANGED', async () => {
    await using folder = await temporaryFolder()
    await using file = await fileOf(folder.path, Buffer.alloc(100))
    const span = { ...file.span, length: 101 }
    const { item: slot } = await slots(1, 101).take()
    const reading = pool.run('segment', { slot, ...filling(span) })
    await expect(reading).rejects.toMatchObject({ reason: 'FILE_CHANGED' })
  })
})

describe('compressing a run', () => {
  const compress = compressor(pool)
  const dull = rawChunk(text.subarray(0, 60_000))

  test('leaves what is compressed, and what does not become smaller, and makes the rest so', async () => {
    const run = await compress(runOf([...chunks, dull]))
    expect(run.entries.map(({ codec }) => codec)).toEqual(['raw', 'zstd', 'zstd'])
    expect(run.entries.map(({ rawBytes }) => rawBytes)).toEqual([50_000, 100_000, 60_000])
    expect(run.entries[2]?.storedBytes).toBeLessThan(1000)
    await verifier(pool)(run)
  })

  test('finds a chunk that is another', async () => {
    const other = { ...dull, stored: noise('other', 60_000) }
    const [reason, digest] = ['CHUNK_CORRUPT', dull.entry.digest]
    await expect(compress(runOf([other]))).rejects.toMatchObject({ reason, facts: { digest } })
  })
})

describe('verifying a run', () => {
  const verify = verifier(pool)

  test('gives it back as it was', async () => {
    const run = runOf(chunks)
    const payload = Buffer.from(run.payload)
    expect(await verify(run)).toEqual({ entries: run.entries, payload: Uint8Array.from(payload) })
  })

  test('finds a flipped bit and says in which chunk', async () => {
    const run = runOf(chunks)
    const bad = Buffer.from(run.payload)
    bad.writeUInt8(bad.readUInt8(40_000) ^ 1, 40_000)
    await expect(verify({ ...run, payload: bad })).rejects.toMatchObject({
      reason: 'CHUNK_CORRUPT',
      facts: { digest: chunks[0]?.entry.digest },
    })
  })

  test('refuses a payload that is not as long as its entries say', async () => {
    const run = runOf(chunks)
    const short: Run = { ...run, payload: run.payload.subarray(1) }
    await expect(verify(short)).rejects.toMatchObject({ reason: 'INVALID_CHUNK' })
  })
})

describe('recognising chunks', () => {
  const taken = async () => {
    const { entries } = await fingerprinter(pool)(runOf(chunks))
    return new Map(entries.map(({ digest, fingerprint }) => [digest, fingerprint]))
  }
  const [first] = chunks
  /** As if the chunk were another: only decoding it would tell. */
  const asAnother = (digest: Digest): Run => {
    const run = runOf(chunks)
    return { ...run, entries: run.entries.map((entry) => ({ ...entry, digest })) }
  }

  test('takes codec, raw length and stored bytes of what was checked', async () => {
    const fingerprints = await taken()
    expect(fingerprints.size).toBe(2)
    for (const { entry, stored } of chunks) {
      const head = Buffer.from([entry.codec === 'raw' ? 0 : 1, 0, 0, 0, 0])
      head.writeUInt32LE(entry.rawBytes, 1)
      const expected = createHash('sha256').update(head).update(stored).digest()
      expect(expected.equals(fingerprints.get(entry.digest) ?? Buffer.alloc(0))).toBe(true)
    }
  })

  test('never takes those of a chunk that is not what it says', async () => {
    const wrong = fingerprinter(pool)(asAnother(sha256(text)))
    await expect(wrong).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  })

  test('saves decoding what has the fingerprint', async () => {
    const fingerprints = await taken()
    const known = joinFingerprints(chunks.map(({ entry }) => fingerprints.get(entry.digest)))
    await expect(verifier(pool, () => known)(asAnother(sha256(text)))).resolves.toBeDefined()
  })

  test('decodes what has another fingerprint, and finds it as good as it is', async () => {
    const other = () => noise('another', 64)
    await expect(verifier(pool, other)(runOf(chunks))).resolves.toBeDefined()
    const wrong = verifier(pool, other)(asAnother(sha256(text)))
    await expect(wrong).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  })

  test('decodes what nobody knows beside what is known', async () => {
    const { entries } = await fingerprinter(pool)(runOf(chunks))
    const known = joinFingerprints([entries[0]?.fingerprint, undefined])
    await expect(verifier(pool, () => known)(runOf(chunks))).resolves.toBeDefined()
    const wrong = verifier(pool, () => known)(asAnother(sha256(text)))
    await expect(wrong).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  })

  test.each([
    ['another length', { rawBytes: 60_000, storedBytes: 50_000 }],
    ['another codec', { codec: 'zstd' }],
  ] as const)('is not misled by %s beside the right bytes', async (_, lie) => {
    const fingerprints = await taken()
    if (first === undefined) throw new Error('no chunk')
    const run = runOf([{ ...first, entry: { ...first.entry, ...lie } }])
    const known = joinFingerprints([fingerprints.get(first.entry.digest)])
    const checking = verifier(pool, () => known)(run)
    await expect(checking).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  })
})

describe('expanding a run', () => {
  const offsets = [[0, 900_000], [200_000]]

  test('puts each chunk at all its places', async () => {
    await using folder = await temporaryFolder()
    const name = path.join(folder.path, 'out')
    await using file = await open(name, 'w+')
    await pool.run('expand', { ...movedRun(runOf(chunks)), path: name, fd: file.fd, offsets })
    const read = (offset: number) => file.read(Buffer.alloc(50_000), 0, 50_000, offset)
    for (const offset of [0, 900_000]) {
      expect((await read(offset)).buffer.equals(noise('dense', 50_000))).toBe(true)
    }
  })

  test('says DISK_FULL where no space is left', async () => {
    await using full = await open('/dev/full', 'w')
    const writing = pool.run('expand', {
      ...movedRun(runOf(chunks)),
      path: 'the file',
      fd: full.fd,
      offsets,
    })
    await expect(writing).rejects.toMatchObject({
      reason: 'DISK_FULL',
      facts: { path: 'the file' },
    })
  })

  test('writes nothing of a chunk whose bytes are others', async () => {
    await using folder = await temporaryFolder()
    const name = path.join(folder.path, 'out')
    await using file = await open(name, 'w+')
    const { entries, payload } = runOf(chunks)
    const wrong = entries.map((entry) => ({ ...entry, digest: sha256(text) }))
    const moved = movedRun({ entries: wrong, payload })
    const writing = pool.run('expand', { ...moved, path: name, fd: file.fd, offsets })
    await expect(writing).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
    expect((await file.stat()).size).toBe(0)
  })
})
