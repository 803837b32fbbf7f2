import { afterAll, describe, expect, test } from '@jest/globals'
import { appendFile, chmod, mkdir, open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { sha256 } from '../../../lib/content/digest.ts'
import { cutSegment, joinExtents, segmentBytes } from '../../../lib/content/extents.ts'
import { chunkDigests } from '../../../lib/content/manifest.ts'
import { exhausted } from '../../../lib/failure.ts'
import { ingest, type IngestStore } from '../../../lib/images/ingest.ts'
import type { InputFile } from '../../../lib/images/input.ts'
import { startPool } from '../../../lib/workers/pool.ts'
import { noise } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'
import '../../support/realm.ts'
import { finish, memoryStore } from './memory.ts'

const pool = startPool(2)
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
})

const content = Buffer.concat([
  noise('content', 1_500_000),
  Buffer.alloc(500_000),
  noise('end', 3000),
])

function rootfs(file: string): InputFile {
  return { kind: 'rootfs', path: file }
}

async function ingested(files: readonly InputFile[], store: IngestStore = memoryStore()) {
  return finish(ingest(files, store, pool, {}))
}

async function failing(name: string, data: Uint8Array, kind: InputFile['kind'] = 'rootfs') {
  await using folder = await temporaryFolder()
  const file = path.join(folder.path, name)
  await writeFile(file, data)
  return await ingested([{ kind, path: file }]).catch((error: unknown) => error)
}

describe('an ingest', () => {
  test('makes the manifest of the files, in its order', async () => {
    await using folder = await temporaryFolder()
    const [root, kernel] = [path.join(folder.path, 'root'), path.join(folder.path, 'kernel')]
    await writeFile(root, content)
    await writeFile(kernel, noise('kernel', 70_000))
    const { result } = await ingested([
      { kind: 'kernel', path: kernel },
      { kind: 'rootfs', path: root, boot: 'efi' },
    ])
    expect(result.artifacts).toMatchObject([
      { kind: 'rootfs', boot: 'efi', sizeBytes: content.length, sha256: sha256(content) },
      { kind: 'kernel', boot: 'any', sizeBytes: 70_000, sha256: sha256(noise('kernel', 70_000)) },
    ])
    expect(result.artifacts[0]?.extents).toEqual(cutSegment(content))
  })

  test('stores every chunk once', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, Buffer.concat([content, Buffer.alloc(97_288 + 4096), content]))
    const store = memoryStore()
    const { result } = await ingested([rootfs(file)], store)
    expect([...store.chunks.keys()].sort()).toEqual(chunkDigests(result).sort())
    expect(store.stored).toBe(store.chunks.size)
  })

  test('stores nothing again that the store holds', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    const store = memoryStore()
    const first = await ingested([rootfs(file)], store)
    const before = store.stored
    const second = await ingested([rootfs(file)], store)
    expect(store.stored).toBe(before)
    expect(second.result).toEqual(first.result)
    expect(second.reports.at(-1)).toMatchObject({ newRawBytes: 0, sentBytes: 0 })
  })

  test('ends its reports with everything read and sent', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    const store = memoryStore()
    const { reports } = await ingested([rootfs(file)], store)
    const chunks = [...store.chunks.values()]
    expect(reports.at(-1)).toEqual({
      readBytes: content.length,
      totalBytes: content.length,
      newRawBytes: chunks.reduce((sum, { entry }) => sum + entry.rawBytes, 0),
      sentBytes: chunks.reduce((sum, { entry }) => sum + entry.storedBytes, 0),
    })
  })

  test('cuts a file of several segments, each on its own, with one hole between', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    const tail = noise('tail', 100_000)
    await using handle = await open(file, 'r+')
    await handle.write(tail, 0, tail.length, 2 * segmentBytes + 65_536)
    const { result } = await ingested([rootfs(file)])
    const first = Buffer.concat([content], segmentBytes)
    const last = Buffer.concat([Buffer.alloc(65_536), tail])
    const zeros = cutSegment(Buffer.alloc(segmentBytes))
    expect(result.artifacts[0]?.extents).toEqual(
      joinExtents([cutSegment(first), zeros, cutSegment(last)]),
    )
  })

  test('shares the runs among as many calls as asked for', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    const store = memoryStore()
    await finish(ingest([rootfs(file)], store, pool, { streams: 3 }))
    expect(store.calls).toBe(3)
  })
})

describe('an ingest that cannot go on', () => {
  const full = exhausted('DISK_FULL', 'the store is full')

  async function failedWith(store: Partial<IngestStore>): Promise<unknown> {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    return await ingested([rootfs(file)], { ...memoryStore(), ...store }).catch(
      (error: unknown) => error,
    )
  }

  test('fails as the store does, though the store took nothing', async () => {
    expect(await failedWith({ store: () => Promise.reject(full) })).toBe(full)
  })

  test('fails as the store does in the middle', async () => {
    const store: IngestStore['store'] = async (runs) => {
      for await (const run of runs) if (run.entries.length > 0) throw full
    }
    expect(await failedWith({ store })).toBe(full)
  })

  test('fails as the question for what is missing does', async () => {
    expect(await failedWith({ missing: () => Promise.reject(full) })).toBe(full)
  })

  test('fails for its own reason, however the store calls it', async () => {
    const store: IngestStore['store'] = async (runs) => {
      try {
        for await (const _ of runs);
      } catch {
        throw new Error('my input failed')
      }
    }
    expect(await failedWith({ missing: () => Promise.reject(full), store })).toBe(full)
  })

  test('is not taken for done when the store ends early', async () => {
    expect(await failedWith({ store: () => Promise.resolve() })).toMatchObject({ kind: 'internal' })
  })

  test('ends when its signal aborts', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    const stop = new AbortController()
    const store = memoryStore()
    const hanging: IngestStore = {
      missing: (digests) => store.missing(digests),
      store: (_, signal) =>
        new Promise((_resolve, reject) => {
          stop.abort(full)
          if (signal?.aborted === true) reject(full)
        }),
    }
    await expect(finish(ingest([rootfs(file)], hanging, pool, {}, stop.signal))).rejects.toBe(full)
  })

  test('lets go of everything when nobody reads on', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    const steps = ingest([rootfs(file)], memoryStore(), pool, {})
    await steps.next()
    await steps.return(undefined as never)
    expect((await steps.next()).done).toBe(true)
  })
})

describe('a file that is no raw image', () => {
  const gzip = gzipSync(content)

  test.each([
    ['qcow2', Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), content]), '--format qcow2'],
    ['gzip', gzip, '--format raw+gzip'],
    ['zstd', zstdCompressSync(content), '--format raw+zstd'],
    ['xz', Buffer.from('fd377a585a0000', 'hex'), '--format raw+xz'],
    ['empty', Buffer.alloc(0), 'give a file with content'],
  ])('is WRONG_FORMAT: %s', async (found, data, advice) => {
    expect(await failing('file', data)).toMatchObject({
      reason: 'WRONG_FORMAT',
      facts: { found },
      message: expect.stringContaining(advice),
    })
  })

  test('is no matter for an initramfs, which is compressed by its nature', async () => {
    await using folder = await temporaryFolder()
    const [root, initramfs] = [path.join(folder.path, 'root'), path.join(folder.path, 'initrd')]
    await writeFile(root, content)
    await writeFile(initramfs, gzip)
    const { result } = await ingested([rootfs(root), { kind: 'initramfs', path: initramfs }])
    expect(result.artifacts).toHaveLength(2)
  })
})

describe('a file that cannot be read', () => {
  test('is UNREADABLE when it is not there', async () => {
    const reading = ingested([rootfs('/nowhere/at/all')])
    await expect(reading).rejects.toMatchObject({
      reason: 'UNREADABLE',
      facts: { path: '/nowhere/at/all' },
    })
  })

  test('is UNREADABLE when it is a directory', async () => {
    await using folder = await temporaryFolder()
    await mkdir(path.join(folder.path, 'root'))
    const reading = ingested([rootfs(path.join(folder.path, 'root'))])
    await expect(reading).rejects.toMatchObject({ reason: 'UNREADABLE' })
  })

  const whenNotRoot = process.getuid?.() === 0 ? test.skip : test
  whenNotRoot('is UNREADABLE without the right to read it', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    await chmod(file, 0)
    await expect(ingested([rootfs(file)])).rejects.toMatchObject({ reason: 'UNREADABLE' })
  })

  test('is FILE_CHANGED when someone writes to it meanwhile', async () => {
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'root')
    await writeFile(file, content)
    const store = memoryStore()
    const slow: IngestStore = {
      missing: async (digests) => {
        await appendFile(file, 'more')
        return store.missing(digests)
      },
      store: (runs) => store.store(runs),
    }
    await expect(ingested([rootfs(file)], slow)).rejects.toMatchObject({ reason: 'FILE_CHANGED' })
  })
})
