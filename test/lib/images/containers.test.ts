import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { execFile } from 'node:child_process'
import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Manifest } from '../../../lib/content/manifest.ts'
import { encodeManifest } from '../../../lib/content/encoding.ts'
import { Failure } from '../../../lib/failure.ts'
import type { Container } from '../../../lib/images/format.ts'
import { ingest } from '../../../lib/images/ingest.ts'
import { unxz } from '../../../lib/images/xz.ts'
import { startPool } from '../../../lib/workers/pool.ts'
import { collect, noise } from '../../support/chunks.ts'
import { type Folder, temporaryFolder } from '../../support/folder.ts'
import { finish, memoryStore } from './memory.ts'
import '../../support/realm.ts'

const run = promisify(execFile)
const pool = startPool(2)
let folder: Folder
let raw: string
let manifest: Manifest
let chunks: ReadonlySet<string>

const file = (name: string): string => path.join(folder.path, name)

async function ingested(name: string, container?: Container, mostBytes = 2 ** 30) {
  const input = { kind: 'rootfs', path: file(name), ...(container && { container }) } as const
  const store = memoryStore()
  const { result, reports } = await finish(ingest([input], store, pool, { mostBytes }))
  return { manifest: result, chunks: new Set<string>(store.chunks.keys()), reports }
}

async function failing(name: string, container?: Container, mostBytes?: number): Promise<unknown> {
  return ingested(name, container, mostBytes).catch((error: unknown) => error)
}

beforeAll(async () => {
  folder = await temporaryFolder()
  const tree = file('tree')
  await mkdir(tree)
  await writeFile(path.join(tree, 'dense'), noise('dense', 3_000_000))
  await writeFile(path.join(tree, 'text'), 'one line after another\n'.repeat(200_000))
  await writeFile(path.join(tree, 'end'), noise('end', 5000))
  raw = file('disk.raw')
  await run('mke2fs', ['-q', '-t', 'ext4', '-d', tree, raw, '40M'], {
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
  })
  ;({ manifest, chunks } = await ingested('disk.raw'))
}, 60_000)

afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

async function sameAs(name: string, container?: Container): Promise<void> {
  const found = await ingested(name, container)
  expect(encodeManifest(found.manifest).equals(encodeManifest(manifest))).toBe(true)
  expect(found.chunks).toEqual(chunks)
  const { readBytes, totalBytes } = found.reports.at(-1) ?? { readBytes: -1, totalBytes: 0 }
  expect(readBytes).toBe(totalBytes)
}

describe('one disk makes one manifest and the same chunks', () => {
  test.each([
    ['version 2', ['-o', 'compat=0.10']],
    ['version 3', []],
    ['clusters of 512 B', ['-o', 'cluster_size=512']],
    ['clusters of 2 MiB', ['-o', 'cluster_size=2M']],
    ['clusters packed by zlib', ['-c']],
    ['clusters packed by zlib, 4 KiB each', ['-c', '-o', 'cluster_size=4k']],
    ['clusters packed by zstd', ['-c', '-o', 'compression_type=zstd']],
    ['all of it allocated', ['-S', '0']],
    ['metadata made beforehand', ['-o', 'preallocation=metadata']],
  ])('as qcow2: %s', async (_, options) => {
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, file('a.qcow2')])
    await sameAs('a.qcow2')
  })

  test('with internal snapshots, which are left out', async () => {
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, file('s.qcow2')])
    await run('qemu-img', ['snapshot', '-c', 'before', file('s.qcow2')])
    await sameAs('s.qcow2')
  })

  test('with clusters that were discarded', async () => {
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-S', '0', raw, file('z.qcow2')])
    await run('qemu-io', ['-c', 'write -z 36M 2M', file('z.qcow2')])
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', file('z.qcow2'), file('z.raw')])
    const [one, other] = [await ingested('z.qcow2'), await ingested('z.raw')]
    expect(encodeManifest(one.manifest).equals(encodeManifest(other.manifest))).toBe(true)
  })

  test('packed by gzip, in one member and in several', async () => {
    const data = await readFile(raw)
    await writeFile(file('disk.raw.gz'), gzipSync(data))
    await sameAs('disk.raw.gz')
    const members = [data.subarray(0, 1_000_001), data.subarray(1_000_001)].map((part) =>
      gzipSync(part),
    )
    await writeFile(file('members'), Buffer.concat(members))
    await sameAs('members', 'raw+gzip')
  })

  test('packed by zstd, in one frame and in several', async () => {
    const data = await readFile(raw)
    await writeFile(file('disk.raw.zst'), zstdCompressSync(data))
    await sameAs('disk.raw.zst')
    const parts = [data.subarray(0, 20_000_001), data.subarray(20_000_001)]
    await writeFile(file('frames'), Buffer.concat(parts.map((part) => zstdCompressSync(part))))
    await sameAs('frames', 'raw+zstd')
  })

  test('packed by xz', async () => {
    await run('xz', ['-0', '-k', raw])
    await sameAs('disk.raw.xz')
  })
})

describe('what a file is', () => {
  const small = noise('small', 100_000)

  test('is not guessed from how it begins', async () => {
    await writeFile(file('begins'), gzipSync(small))
    expect(await failing('begins')).toMatchObject({ facts: { found: 'gzip' } })
    expect((await ingested('begins', 'raw')).manifest.artifacts[0]?.sizeBytes).toBe(
      gzipSync(small).length,
    )
  })

  test('must be what it is declared to be, or named', async () => {
    await writeFile(file('small.gz'), small)
    expect(await failing('small.gz')).toMatchObject({ facts: { found: 'raw' } })
    await writeFile(file('small'), gzipSync(small))
    expect(await failing('small', 'qcow2')).toMatchObject({
      facts: { found: 'gzip' },
      message: expect.stringContaining('--format raw+gzip'),
    })
  })

  test('counts for what is packed in it too', async () => {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', file('inner'), '1M'])
    await writeFile(file('inner.gz'), gzipSync(await readFile(file('inner'))))
    expect(await failing('inner.gz')).toMatchObject({ facts: { found: 'qcow2' } })
    await writeFile(file('nothing.gz'), gzipSync(''))
    expect(await failing('nothing.gz')).toMatchObject({ facts: { found: 'empty' } })
  })

  test('may not open other files', async () => {
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-b',
      raw,
      '-F',
      'raw',
      file('over.qcow2'),
    ])
    expect(await failing('over.qcow2')).toMatchObject({
      reason: 'WRONG_FORMAT',
      message: expect.stringContaining('backing file'),
    })
  })
})

describe('a packed file that is not whole', () => {
  const data = Buffer.concat([noise('a', 300_000), Buffer.alloc(700_000), noise('b', 300_000)])

  async function packed(kind: string): Promise<Buffer> {
    if (kind === 'gzip') return gzipSync(data)
    if (kind === 'zstd') return zstdCompressSync(data)
    await writeFile(file('x'), data)
    await run('xz', ['-0', '-k', '-f', file('x')])
    return readFile(file('x.xz'))
  }

  describe.each(['gzip', 'zstd', 'xz'] as const)('of %s', (kind) => {
    const container = `raw+${kind}` as const

    test('is refused where it is cut short', async () => {
      const whole = await packed(kind)
      await writeFile(file('cut'), whole.subarray(0, -9))
      expect(await failing('cut', container)).toMatchObject({
        reason: 'WRONG_FORMAT',
        message: expect.stringContaining('ends in the middle'),
      })
    })

    test.each(['and more', '\0\0\0'])(
      'is refused where something follows its end',
      async (more) => {
        await writeFile(file('more'), Buffer.concat([await packed(kind), Buffer.from(more)]))
        expect(await failing('more', container)).toMatchObject({ reason: 'WRONG_FORMAT' })
      },
    )

    test('is refused where it unpacks to more than is allowed', async () => {
      await writeFile(file('large'), await packed(kind))
      expect(await failing('large', container, 1_000_000)).toMatchObject({
        message: expect.stringContaining('--max-size'),
      })
    })

    test('never comes to anything but a Failure, wherever it is cut or changed', async () => {
      const whole = await packed(kind)
      const changed = fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.nat(254),
        fc.boolean(),
        async (at, flip, cut) => {
          const bytes = Buffer.from(whole)
          bytes[at] = (bytes[at] ?? 0) ^ (flip + 1)
          await writeFile(file('changed'), cut ? whole.subarray(0, at) : bytes)
          const result = await failing('changed', container)
          const isWhole = !cut && !(result instanceof Error)
          expect(isWhole || result instanceof Failure).toBe(true)
        },
      )
      await fc.assert(changed, { numRuns: 30 })
    }, 30_000)
  })
})

describe('the xz command', () => {
  const stored = async function* () {
    await Promise.resolve()
    yield Buffer.from('fd377a585a00', 'hex')
  }
  const { signal } = new AbortController()

  test('is asked for where there is none', async () => {
    const reading = collect(unxz('disk.xz', stored(), signal, 'xz-of-nobody'))
    await expect(reading).rejects.toMatchObject({
      reason: 'UNREADABLE',
      message: expect.stringContaining('xz-utils'),
    })
  })

  test('is killed when it says nothing for too long', async () => {
    const silence = async function* () {
      yield Buffer.from('fd377a585a00', 'hex')
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    const reading = collect(unxz('disk.xz', silence(), signal, 'xz', 50))
    await expect(reading).rejects.toMatchObject({ message: expect.stringContaining('stopped') })
  })

  test('is killed when its caller gives up', async () => {
    const stop = new AbortController()
    const why = new Error('enough')
    const endless = async function* () {
      yield await readFile(file('disk.raw.xz'))
      stop.abort(why)
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    await expect(collect(unxz('disk.xz', endless(), stop.signal))).rejects.toBe(why)
  })
})

test('a qcow2 that is cut short anywhere is refused', async () => {
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, file('short.qcow2')])
  await using handle = await open(file('short.qcow2'), 'r')
  const { size } = await handle.stat()
  for (const left of [size - 1, size / 2, 70_000, 90, 20]) {
    await truncate(file('short.qcow2'), Math.floor(left))
    expect(await failing('short.qcow2')).toMatchObject({ reason: 'WRONG_FORMAT' })
  }
})
