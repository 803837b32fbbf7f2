import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Item } from '../../../agent/import/origin.ts'
import { boundOf, stage } from '../../../agent/import/staging.ts'
import { temporaryFolder } from '../../support/folder.ts'

describe('staging', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  const { signal } = new AbortController()
  const mib = 1024 * 1024

  beforeEach(async () => {
    folder = await temporaryFolder()
  })

  afterEach(async () => {
    await folder[Symbol.asyncDispose]()
  })

  function staged(item: Partial<Item>, parts: readonly Buffer[], diskBytes = mib) {
    const open = async function* () {
      await Promise.resolve()
      yield* parts
    }
    const whole: Item = { name: 'disk.img', version: 'v', fields: {}, ...item }
    return stage({ open }, whole, folder.path, boundOf(diskBytes), () => undefined, signal)
  }

  const data = Buffer.from('some bytes')
  const sha256 = createHash('sha256').update(data).digest('hex')

  test('keeps what comes, and says what it was', async () => {
    const item = { name: 'a b/c:d/../e/di\u00e4sk.qcow2', sizeBytes: 10n, sha256 }
    const found = await staged(item, [data.subarray(0, 4), data.subarray(4)])
    expect(found).toMatchObject({ sizeBytes: 10, sha256 })
    expect(await readdir(folder.path)).toEqual(['di_sk.qcow2'])
    expect(await readFile(found.path)).toEqual(data)
  })

  test.each([['..'], ['.'], ['-'], ['a/']])('finds a name of its own for %j', async (name) => {
    await staged({ name }, [data])
    expect(await readdir(folder.path)).toEqual([name === 'a/' ? 'a' : 'item'])
  })

  test.each<readonly [string, Partial<Item>, readonly Buffer[], RegExp]>([
    ['too short', { sizeBytes: 11n }, [data], /ends after 10 of 11 bytes/],
    ['too long', { sizeBytes: 9n }, [data], /goes on after its 9 bytes/],
    [
      'other bytes',
      { sha256: '0'.repeat(64) },
      [data],
      /has the SHA-256 [0-9a-f]+, and should have 000/,
    ],
    [
      'more than the disk',
      {},
      Array.from({ length: 70 }, () => Buffer.alloc(mib)),
      /has more than \d+ bytes/,
    ],
    ['more, as its list says', { sizeBytes: 80n * 1024n * 1024n }, [], /has more than \d+ bytes/],
  ])('%s is an error', async (_, item, parts, why) => {
    await expect(staged(item, parts)).rejects.toThrow(why)
  })
})
