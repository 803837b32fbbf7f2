import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { zstdDecompressSync } from 'node:zlib'
import type { Body } from '../../../lib/offered/body.ts'
import { qcow2Body } from '../../../lib/offered/qcow2.ts'
import { rawBody } from '../../../lib/offered/raw.ts'
import { pieceRow, rowsBytes, zstdBody, zstdPieces } from '../../../lib/offered/zstd.ts'
import { startPool } from '../../../lib/workers/pool.ts'
import { collect } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { mixedDisk, storedDisk } from '../../support/offered.ts'
import '../../support/realm.ts'
import { storyWith } from '../../support/tools.ts'

const pool = startPool(2)
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
})

const { signal } = new AbortController()
const disk = mixedDisk()

async function read(body: Body, start = 0, end = body.sizeBytes): Promise<Buffer> {
  return Buffer.concat(await collect(body.read(start, end, signal)))
}

async function zstdOf({ extents, deps }: ReturnType<typeof storedDisk>) {
  const pieces = await collect(zstdPieces(extents, deps, signal))
  const rows = Buffer.concat(pieces.map(pieceRow))
  const changed = () => new Error('changed')
  return { pieces, rows, body: zstdBody(extents, rows, deps, changed) }
}

async function bodies() {
  const stored = storedDisk(disk, pool)
  const { body: zstd } = await zstdOf(stored)
  const { extents, deps } = stored
  return { raw: rawBody(extents, deps), qcow2: qcow2Body(extents, deps), zstd }
}

test('a raw body is the file', async () => {
  const { raw } = await bodies()
  expect((await read(raw)).equals(disk)).toBe(true)
})

test.each(['raw', 'qcow2', 'zstd'] as const)(
  'any range of a %s body is that part of it',
  async (form) => {
    const body = (await bodies())[form]
    const whole = await read(body)
    expect(whole.length).toBe(body.sizeBytes)
    const ends = [
      0,
      1,
      65_535,
      65_536,
      65_537,
      300_000,
      393_217,
      1_000_001,
      whole.length - 1,
      whole.length,
    ]
    for (const start of ends.filter((at) => at <= whole.length)) {
      for (const end of ends.filter((at) => at >= start && at <= whole.length)) {
        expect((await read(body, start, end)).equals(whole.subarray(start, end))).toBe(true)
      }
    }
  },
)

test('the same file is the same qcow2', async () => {
  const [one, other] = [await bodies(), await bodies()]
  expect((await read(one.qcow2)).equals(await read(other.qcow2))).toBe(true)
})

test('zstd whose stored bytes became others is not sent', async () => {
  const stored = storedDisk(disk, pool)
  const { body } = await zstdOf(stored)
  for (const [key, { entry, stored: bytes }] of stored.store.chunks) {
    if (entry.codec === 'raw') continue
    const raw = zstdDecompressSync(bytes)
    const plain = { ...entry, codec: 'raw', storedBytes: raw.length } as const
    stored.store.chunks.set(key, { entry: plain, stored: Uint8Array.from(raw) })
  }
  await expect(read(body)).rejects.toThrow('changed')
})

test('a chunk that is damaged is not sent in any form', async () => {
  const stored = storedDisk(disk, pool)
  const { body: zstd } = await zstdOf(stored)
  for (const [key, { entry, stored: bytes }] of stored.store.chunks) {
    const bad = Uint8Array.from(bytes)
    bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1
    stored.store.chunks.set(key, { entry, stored: bad })
  }
  const { extents, deps } = stored
  for (const body of [rawBody(extents, deps), qcow2Body(extents, deps), zstd]) {
    await expect(read(body)).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  }
})

test('rows are as long as they are said to be', async () => {
  const stored = storedDisk(disk, pool)
  expect((await zstdOf(stored)).rows.length).toBe(rowsBytes(stored.extents))
})

storyWith('qemu-img and zstd', ['qemu-img', 'zstd'])('other tools', () => {
  const disks: readonly (readonly [string, Buffer])[] = [
    ['of every kind of chunk', disk],
    ['of one byte', Buffer.from('x')],
    ['of holes alone', Buffer.alloc(3_000_000)],
  ]

  /** The start of the disk is another L2 table's than its end. */
  const long = [
    'over an L2 table long',
    Buffer.concat([Buffer.alloc(520 * 1024 * 1024), disk]),
  ] as const

  test.each([...disks, long])('read the qcow2 of a disk %s as the disk', async (_, data) => {
    await using folder = await temporaryFolder()
    const { extents, deps } = storedDisk(data, pool)
    const [path, out] = [join(folder.path, 'disk.qcow2'), join(folder.path, 'disk')]
    await writeFile(path, await read(qcow2Body(extents, deps)))
    execFileSync('qemu-img', ['check', '-q', '-f', 'qcow2', path])
    execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, out])
    const found = await readFile(out)
    expect(found.length).toBe(Math.ceil(data.length / 512) * 512)
    expect(found.subarray(0, data.length).equals(data)).toBe(true)
  })

  test.each(disks)('unpack the zstd of a disk %s', async (_, data) => {
    await using folder = await temporaryFolder()
    const { body } = await zstdOf(storedDisk(data, pool))
    const [path, out] = [join(folder.path, 'disk.zst'), join(folder.path, 'disk')]
    await writeFile(path, await read(body))
    execFileSync('zstd', ['-q', '-d', path, '-o', out])
    expect((await readFile(out)).equals(data)).toBe(true)
  })
})

test('an empty range is nothing', async () => {
  for (const body of Object.values(await bodies())) expect(await read(body, 10, 10)).toHaveLength(0)
})
