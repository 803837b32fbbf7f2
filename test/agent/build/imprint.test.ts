import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { imprint } from '../../../agent/build/imprint.ts'
import { toolPath } from '../../../agent/build/toolpath.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { type FreshBench, freshBench, mebibyte, patch, putExt4 } from '../../support/disks.ts'

const text = 'IMAGE=debian-13.0-std-x86-20260615\nBUILDER="agent:portal (some worker)"\n'
const epoch = 1_700_000_000
const env = { PATH: toolPath, DEBUGFS_PAGER: '__none__' }

describe('a file system', () => {
  let bench: FreshBench
  let disk: string

  beforeEach(async () => {
    bench = await freshBench()
    disk = join(bench.places.output, 'rootfs.raw')
  })

  afterEach(async () => {
    await bench[Symbol.asyncDispose]()
  })

  const write = () => imprint({ path: disk, offset: 0, name: 'the disk' }, { text, epoch }, bench)
  const digest = async () => sha256(await readFile(disk))

  function changed(command: string): void {
    execFileSync('debugfs', ['-w', '-R', command, disk], { env, stdio: 'pipe' })
  }

  function said(command: string): string {
    return execFileSync('debugfs', ['-R', command, disk], { env, stdio: 'pipe' }).toString()
  }

  test('is told who it is, by root and for all to read, and is clean after that', async () => {
    await putExt4(disk, { 'etc/hostname': 'debian\n' })
    expect(await write()).toBeUndefined()
    expect(said('cat /etc/merge-image')).toBe(text)
    expect(said('cat /etc/hostname')).toBe('debian\n')
    expect(said('stat /etc/merge-image')).toMatch(/Mode: {2}0644[^]*User: {5}0 {3}Group: {5}0/)
    execFileSync('e2fsck', ['-f', '-n', disk], { env, stdio: 'pipe' })
  })

  test('of a parent is told who it is itself', async () => {
    await putExt4(disk, { 'etc/merge-image': 'IMAGE=the-parent\n' })
    expect(await write()).toBeUndefined()
    expect(said('cat /etc/merge-image')).toBe(text)
  })

  test.each([
    ['without /etc', { 'srv/file': 'x' }, 'no folder /etc'],
    ['with a folder of that name', { 'etc/merge-image/file': 'x' }, 'is a folder'],
  ])('%s stays as it is, and why is said', async (_what, files, why) => {
    await putExt4(disk, files)
    const before = await digest()
    expect(await write()).toContain(why)
    expect(await digest()).toBe(before)
  })

  test('with no block left gets its former bytes back', async () => {
    await putExt4(disk, { 'etc/hostname': 'debian\n' }, { sizeBytes: mebibyte, options: small })
    const [, free] = /^Free blocks: +(\d+)$/m.exec(said('stats -h')) ?? []
    const filler = join(bench.places.inputs, 'filler')
    await writeFile(filler, Buffer.alloc(Number(free) * 1024, 1))
    changed(`write ${filler} filler`)
    execFileSync('e2fsck', ['-f', '-n', disk], { env, stdio: 'pipe' })
    expect(said('stats -h')).toMatch(/^Free blocks: +0$/m)
    const before = await digest()
    expect(await write()).toContain('all is as it was')
    expect(await digest()).toBe(before)
  })

  test('whose journal is not empty is not touched', async () => {
    await putExt4(disk, { 'etc/hostname': 'debian\n' })
    const features = Buffer.alloc(4)
    ;(await readFile(disk)).copy(features, 0, 1024 + 0x60)
    features.writeUInt32LE(features.readUInt32LE() | 4)
    await patch(disk, features, 1024 + 0x60)
    const before = await digest()
    expect(await write()).toContain('journal')
    expect(await digest()).toBe(before)
  })
})

const small = ['-b', '1024', '-O', '^has_journal']
