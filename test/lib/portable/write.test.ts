import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { readPackIndex } from '../../../lib/chunks/pack.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { parseAbout, type About } from '../../../lib/portable/parse.ts'
import { readTarHeader } from '../../../lib/portable/tar.ts'
import { writePortable } from '../../../lib/portable/write.ts'
import { collect, holding, noise, rawChunk } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { imageOf, readBytes, writtenOf } from '../../support/portable.ts'
import { verifyHere } from '../../support/shelf.ts'

const run = promisify(execFile)
const { signal } = new AbortController()

describe('a portable image', () => {
  test('has the bytes that docs/format.md says, as another reading of it has them', async () => {
    const path = new URL('../../vectors/portable.json', import.meta.url)
    const vector = JSON.parse(await readFile(path, 'utf8')) as Record<string, string> & {
      about: About
    }
    const pack = Buffer.from(vector['pack'] ?? '', 'hex')
    const entries = await readPackIndex(
      (at, length) => Promise.resolve(pack.subarray(at, at + length)),
      pack.length,
    )
    const chunks = entries.map(({ offset, ...entry }) => ({
      entry,
      stored: pack.subarray(offset, offset + entry.storedBytes),
    }))
    const manifest = Buffer.from(vector['manifest'] ?? '', 'hex')
    expect(parseAbout(Buffer.from(vector['image.json'] ?? ''))).toEqual(vector.about)
    const written = await writtenOf({ about: vector.about, manifest, chunks })
    expect(written.length).toBe(vector['bytes'])
    expect(sha256(written)).toBe(vector['sha256'])
    await using folder = await temporaryFolder()
    expect(await readBytes(folder.path, written)).toHaveLength(2)
  })

  test('has the same bytes in whatever order and runs its chunks come', async () => {
    const image = imageOf(noise('order', 600_000))
    const straight = await writtenOf(image, 100)
    const turned = { ...image, chunks: image.chunks.toReversed() }
    expect(await writtenOf(turned, 2)).toEqual(straight)
  })

  test('is a tar whose members sha256sum checks', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'some.tar')
    await writeFile(path, await writtenOf(imageOf(noise('tar', 300_000))))
    const { stdout } = await run('tar', ['tf', path])
    const names = ['image.json', 'manifest', 'packs/000001.pack', 'SHA256SUMS']
    expect(stdout.trim().split('\n')).toEqual(names)
    await run('tar', ['xf', path], { cwd: folder.path })
    await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder.path })
  })

  test('begins a new pack where one would hold over 16 MiB of chunks', async () => {
    const image = imageOf(noise('large', 20_000_000))
    const written = await writtenOf(image, 16)
    await using folder = await temporaryFolder()
    expect(await readBytes(folder.path, written)).toHaveLength(image.chunks.length)
    const names: string[] = []
    for (let at = 0; at < written.length;) {
      const header = readTarHeader(written.subarray(at, at + 512))
      if (header === undefined) break
      names.push(header.name)
      at += 512 + Math.ceil(header.sizeBytes / 512) * 512
    }
    const packs = ['packs/000001.pack', 'packs/000002.pack']
    expect(names).toEqual(['image.json', 'manifest', ...packs, 'SHA256SUMS'])
  })

  test('may hold no chunk at all', async () => {
    await using folder = await temporaryFolder()
    const written = await writtenOf(imageOf(Buffer.alloc(200_000)))
    expect(await readBytes(folder.path, written)).toEqual([])
  })

  test('is not written from a source that sends a wrong chunk', async () => {
    const image = imageOf(noise('wrong', 100_000))
    const [first, ...others] = image.chunks
    const wrong = { ...rawChunk(noise('other', 20_000)), entry: first?.entry ?? never() }
    const source = holding([wrong, ...others])
    const writing = collect(writePortable(image, source, verifyHere, signal))
    await expect(writing).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  })

  test('is not written from a source that leaves a chunk out', async () => {
    const image = imageOf(noise('less', 100_000))
    const source = holding(image.chunks.slice(1))
    const writing = collect(writePortable(image, source, verifyHere, signal))
    await expect(writing).rejects.toMatchObject({ reason: 'CHUNK_NOT_FOUND' })
  })
})

function never(): never {
  throw new Error('an image without chunks')
}
