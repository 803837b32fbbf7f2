import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import { type Directory, openDirectory } from '../../../lib/chunks/directory.ts'
import type { Files } from '../../../lib/chunks/files.ts'
import { blobStoreContract } from '../../contracts/blobstore.ts'
import { collect, noise } from '../../support/chunks.ts'
import { type Faults, faulty, type Operation } from '../../support/faults.ts'
import { temporaryFolder } from '../../support/folder.ts'

const startedAt = performance.timeOrigin

function open(path: string, files?: Files): Promise<Directory> {
  return openDirectory({ path, startedAt }, files)
}

blobStoreContract('a directory', async () => {
  const folder = await temporaryFolder()
  const blobs = await open(folder.path)
  return {
    blobs,
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
})

const parts = Array.from({ length: 5 }, (_, i) => noise(`part ${i}`, 1000))
const whole = Buffer.concat(parts)

interface Outcome {
  readonly error: unknown
  /** What is there when the directory is opened again. */
  readonly sizes: readonly number[]
  readonly drafts: readonly string[]
}

/** Puts one blob while faults happen, and looks what is left. */
async function putWith(faults: Faults): Promise<Outcome> {
  await using folder = await temporaryFolder()
  await open(folder.path)
  await mkdir(`${folder.path}/packs`)
  const blobs = await open(folder.path, faulty(faults))
  const error: unknown = await blobs.put('packs/A', parts).catch((error: unknown) => error)
  await using again = await open(folder.path)
  const seen = await collect(again.list('packs/'))
  for (const { key, sizeBytes } of seen) {
    const bytes = Buffer.from(await again.range(key, 0, sizeBytes))
    expect(bytes.equals(whole)).toBe(true)
  }
  const drafts = await readdir(`${folder.path}/tmp`)
  return { error, sizes: seen.map(({ sizeBytes }) => sizeBytes), drafts }
}

describe('a put', () => {
  test.each(['ENOSPC', 'EDQUOT'])(
    'on a full disk (%s) is DISK_FULL and leaves nothing',
    async (code) => {
      const outcome = await putWith({
        fail: (step, n) => (step === 'write' && n === 3 ? code : undefined),
      })
      expect(outcome.error).toMatchObject({ kind: 'exhausted', reason: 'DISK_FULL' })
      expect(outcome).toMatchObject({ sizes: [], drafts: [] })
    },
  )

  test('goes on after short writes', async () => {
    const outcome = await putWith({ writeAtMost: (n) => 1 + ((n * 37) % 300) })
    expect(outcome).toEqual({ error: undefined, sizes: [whole.length], drafts: [] })
  })

  test('with a short write and then a full disk leaves nothing', async () => {
    const outcome = await putWith({
      writeAtMost: (n) => (n === 2 ? 10 : 1000),
      fail: (step, n) => (step === 'write' && n === 3 ? 'ENOSPC' : undefined),
    })
    expect(outcome.error).toMatchObject({ reason: 'DISK_FULL' })
    expect(outcome).toMatchObject({ sizes: [], drafts: [] })
  })

  test('whose writes write nothing ends', async () => {
    const outcome = await putWith({ writeAtMost: (n) => (n < 2 ? 100 : 0) })
    expect(outcome.error).toMatchObject({ reason: 'UNWRITABLE' })
    expect(outcome).toMatchObject({ sizes: [], drafts: [] })
  })

  test('with an I/O error anywhere is told so, shows all or nothing, and leaves no draft', async () => {
    const steps: readonly Operation[] = [
      'open',
      'write',
      'sync',
      'close',
      'link',
      'unlink',
      'mkdir',
    ]
    for (const broken of steps) {
      for (let at = 0; at < 8; at++) {
        const fail = (step: Operation, n: number) =>
          step === broken && n === at ? 'EIO' : undefined
        const outcome = await putWith({ fail }).catch((error: unknown) => ({ opening: error }))
        if ('opening' in outcome) continue
        expect(outcome.drafts).toEqual([])
        if (outcome.error === undefined) expect(outcome.sizes).toEqual([whole.length])
        else expect(outcome.error).toMatchObject({ reason: 'UNWRITABLE' })
      }
    }
  })
})

describe('a directory', () => {
  test('sweeps the drafts of an earlier process, not those of this one', async () => {
    await using folder = await temporaryFolder()
    await open(folder.path)
    const past = new Date(startedAt - 1000)
    await writeFile(`${folder.path}/tmp/old`, 'half')
    await utimes(`${folder.path}/tmp/old`, past, past)
    await writeFile(`${folder.path}/tmp/young`, 'half')
    await open(folder.path)
    expect(await readdir(`${folder.path}/tmp`)).toEqual(['young'])
  })

  test('says that it cannot read, with the file', async () => {
    await using folder = await temporaryFolder()
    const blobs = await open(
      folder.path,
      faulty({ fail: (step) => (step === 'read' ? 'EIO' : undefined) }),
    )
    await blobs.put('packs/A', parts)
    const unreadable = { reason: 'UNREADABLE', facts: { path: `${folder.path}/packs/A` } }
    await expect(blobs.range('packs/A', 0, 1)).rejects.toMatchObject(unreadable)
  })

  test('keeps a bounded number of files open, whatever is read at once', async () => {
    await using folder = await temporaryFolder()
    let [now, most] = [0, 0]
    const real = faulty({})
    const blobs = await open(folder.path, {
      ...real,
      async open(file, flags) {
        const handle = await real.open(file, flags)
        most = Math.max(most, ++now)
        return { ...handle, close: () => handle.close().finally(() => now--) }
      },
    })
    const keys = Array.from({ length: 50 }, (_, i) => `packs/${i}`)
    for (const key of keys) await blobs.put(key, [Buffer.from(key)])
    for (let round = 0; round < 3; round++) {
      const texts = await Promise.all(keys.map((key) => blobs.range(key, 0, key.length)))
      expect(texts.map((text) => Buffer.from(text).toString())).toEqual(keys)
    }
    for (const key of keys) await blobs.range(key, 0, 1)
    expect(now).toBeLessThanOrEqual(32)
    expect(most).toBeLessThanOrEqual(100)
    await blobs[Symbol.asyncDispose]()
    expect(now).toBe(0)
  })
})
