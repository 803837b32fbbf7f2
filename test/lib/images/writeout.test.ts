import { afterAll, describe, expect, test } from '@jest/globals'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ChunkSource } from '../../../lib/chunks/source.ts'
import type { Artifact } from '../../../lib/content/manifest.ts'
import { exhausted, unavailable } from '../../../lib/failure.ts'
import { ingest } from '../../../lib/images/ingest.ts'
import { placesOf } from '../../../lib/images/placing.ts'
import { writeOut } from '../../../lib/images/writeout.ts'
import { type Pool, startPool } from '../../../lib/workers/pool.ts'
import { noise } from '../../support/chunks.ts'
import { type Folder, temporaryFolder } from '../../support/folder.ts'
import '../../support/realm.ts'
import { finish, type MemoryStore, memoryStore } from './memory.ts'

const pool = startPool(2)
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
})

const twice = Buffer.concat([noise('twice', 400_000), Buffer.alloc(1_206_848 - 400_000)])
const content = Buffer.concat([twice, Buffer.alloc(4_000_000 - 97_280), twice, noise('end', 999)])

interface Stored extends Folder {
  readonly artifact: Artifact
  readonly store: MemoryStore
  readonly out: string
}

async function stored(): Promise<Stored> {
  const folder = await temporaryFolder()
  const file = path.join(folder.path, 'in')
  await writeFile(file, content)
  const store = memoryStore()
  const files = [{ kind: 'rootfs', path: file }] as const
  const { result } = await finish(ingest(files, store, pool, {}))
  const [artifact] = result.artifacts
  if (artifact === undefined) throw new Error('no artifact')
  await mkdir(path.join(folder.path, 'out'))
  return { ...folder, artifact, store, out: path.join(folder.path, 'out', 'image') }
}

function written(
  { artifact, store, out }: Stored,
  { source = store, replace = false, by = pool }: Options = {},
) {
  return finish(writeOut(artifact, source, out, by, { replace, random: 'r' }))
}

interface Options {
  readonly source?: Pick<ChunkSource, 'fetch'>
  readonly replace?: boolean
  readonly by?: Pool
}

const inside = ({ out }: Stored) => readdir(path.dirname(out))

describe('a write-out', () => {
  test('gives the bytes that were ingested', async () => {
    await using image = await stored()
    await written(image)
    expect((await readFile(image.out)).equals(content)).toBe(true)
    expect(await inside(image)).toEqual(['image'])
  })

  test('leaves holes as holes', async () => {
    await using image = await stored()
    await written(image)
    const { blocks, size } = await stat(image.out)
    expect(size).toBe(content.length)
    expect(blocks * 512).toBeLessThan(1_000_000)
  })

  test('fetches a chunk once, though it has several places', async () => {
    await using image = await stored()
    const { reports } = await written(image)
    const dataBytes = placesOf(image.artifact.extents).reduce(
      (sum, { length, offsets }) => sum + length * offsets.length,
      0,
    )
    const storedBytes = [...image.store.chunks.values()].map(({ stored }) => stored.length)
    expect(reports.at(-1)).toEqual({
      writtenBytes: dataBytes,
      totalBytes: dataBytes,
      fetchedBytes: storedBytes.reduce((sum, bytes) => sum + bytes, 0),
    })
  })

  test('replaces a file when asked to', async () => {
    await using image = await stored()
    await writeFile(image.out, 'old')
    await written(image, { replace: true })
    expect((await readFile(image.out)).equals(content)).toBe(true)
  })
})

describe('a write-out that fails leaves what was there, and nothing else', () => {
  async function failed(image: Stored, options: Options): Promise<unknown> {
    await writeFile(image.out, 'old')
    const error: unknown = await written(image, { replace: true, ...options }).catch(
      (fault: unknown) => fault,
    )
    expect(await inside(image)).toEqual(['image'])
    expect(await readFile(image.out, 'utf8')).toBe('old')
    return error
  }

  test('when it may not replace', async () => {
    await using image = await stored()
    expect(await failed(image, { replace: false })).toMatchObject({ reason: 'FILE_EXISTS' })
  })

  test('when the file appears meanwhile', async () => {
    await using image = await stored()
    const source: Pick<ChunkSource, 'fetch'> = {
      async *fetch(digests) {
        await writeFile(image.out, 'new')
        yield* image.store.fetch(digests)
      },
    }
    await expect(written(image, { source })).rejects.toMatchObject({ reason: 'FILE_EXISTS' })
    expect(await readFile(image.out, 'utf8')).toBe('new')
    expect(await inside(image)).toEqual(['image'])
  })

  test('when the source lacks a chunk', async () => {
    await using image = await stored()
    await image.store.remove([...image.store.chunks.keys()].slice(0, 1))
    expect(await failed(image, {})).toMatchObject({ reason: 'CHUNK_NOT_FOUND' })
  })

  test('when the source sends what was not asked for', async () => {
    await using image = await stored()
    const source = { fetch: () => image.store.fetch([...image.store.chunks.keys()].slice(0, 1)) }
    const artifact = { ...image.artifact, extents: { ...image.artifact.extents } }
    artifact.extents.digests = Buffer.alloc(artifact.extents.digests.length, 5)
    expect(await failed({ ...image, artifact }, { source })).toMatchObject({
      reason: 'CHUNK_CORRUPT',
    })
  })

  test('when a chunk has other bytes', async () => {
    await using image = await stored()
    for (const [digest, { entry, stored: bytes }] of image.store.chunks) {
      image.store.chunks.set(digest, { entry, stored: bytes.map((byte) => byte ^ 1) })
    }
    expect(await failed(image, {})).toMatchObject({ reason: 'CHUNK_CORRUPT' })
  })

  test('when the source fails in the middle', async () => {
    await using image = await stored()
    const lost = unavailable('UNREACHABLE', 'the peer is gone')
    const source: Pick<ChunkSource, 'fetch'> = {
      async *fetch(digests) {
        yield* image.store.fetch(digests.slice(0, 2))
        throw lost
      },
    }
    expect(await failed(image, { source })).toBe(lost)
  })

  test('when the disk is full', async () => {
    await using image = await stored()
    const full = exhausted('DISK_FULL', 'no space is left')
    const by: Pool = { ...pool, run: () => Promise.reject(full) }
    expect(await failed(image, { by })).toBe(full)
  })

  test('when nobody reads on', async () => {
    await using image = await stored()
    const { artifact, store, out } = image
    const steps = writeOut(artifact, store, out, pool, { replace: false, random: 'r' })
    await steps.next()
    await steps.return()
    expect(await inside(image)).not.toContain('.image.r.partial')
  })
})

describe('a path that cannot be written', () => {
  test.each([
    ['has no directory', 'nowhere/image'],
    ['goes through a file', 'in/image'],
  ])('is UNWRITABLE when it %s', async (_, out) => {
    await using image = await stored()
    const target = path.join(image.path, out)
    await expect(written({ ...image, out: target })).rejects.toMatchObject({
      reason: 'UNWRITABLE',
      facts: { path: target },
    })
  })

  test('is UNWRITABLE when it is a directory', async () => {
    await using image = await stored()
    await mkdir(image.out)
    await expect(written(image, { replace: true })).rejects.toMatchObject({ reason: 'UNWRITABLE' })
    expect(await inside(image)).toEqual(['image'])
  })
})
