import { execFileSync } from 'node:child_process'
import { chmod, mkdir, open, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openJournal } from '../../agent/build/journal.ts'
import { placesIn, type Step } from '../../agent/build/plan.ts'
import { carryOut, type Listener } from '../../agent/build/running.ts'
import { toolPath } from '../../agent/build/toolpath.ts'
import { temporaryFolder } from './folder.ts'

export const mebibyte = 1024 * 1024

/** What a build works with, in a folder of its own; what its commands say is in its log. */
export async function freshBench() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const places = placesIn(folder.path)
  for (const path of [places.output, places.inputs, places.temporary]) await mkdir(path)
  const journal = stack.use(openJournal(places.log, mebibyte))
  const environment = { PATH: toolPath, LC_ALL: 'C' }
  const run = { folder: folder.path, environment, isRoot: process.getuid?.() === 0 }
  const { signal } = new AbortController()
  const owned = stack.move()
  return {
    ...{ places, journal, signal },
    carryOut: (steps: readonly Step[], listen: Listener = journal.listen) =>
      carryOut(steps, run, listen, signal),
    log: () => journal.read(0, journal.bytes).toString(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export type FreshBench = Awaited<ReturnType<typeof freshBench>>

/** Makes an ext4 of files, given as path and text, in a file, from a byte on. */
export async function putExt4(
  path: string,
  files: Readonly<Record<string, string>>,
  { offset = 0, sizeBytes = 8 * mebibyte, options = [] as readonly string[] } = {},
): Promise<void> {
  await using folder = await temporaryFolder()
  await chmod(folder.path, 0o755)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, name)), { recursive: true })
    await writeFile(join(folder.path, name), text)
  }
  if (offset === 0) await writeFile(path, '')
  if (offset === 0) await truncate(path, sizeBytes)
  const args = ['-q', '-F', '-t', 'ext4', '-E', `offset=${offset}`, ...options]
  const env = { PATH: toolPath }
  const blocks = `${sizeBytes / 1024}k`
  execFileSync('mke2fs', [...args, '-d', folder.path, path, blocks], { env, stdio: 'pipe' })
}

/** A partition of a disk: where it is, in sectors of 512 bytes, and its type. */
export interface Partition {
  readonly first: number
  readonly sectors: number
  readonly type: string
}

/** The start of a disk with a GPT, as far as anybody here reads it. */
export function gptOf(partitions: readonly Partition[], sector = 512): Buffer {
  const disk = Buffer.alloc(2 * sector + 128 * 128)
  disk.write('EFI PART', sector, 'latin1')
  disk.writeBigUInt64LE(2n, sector + 72)
  disk.writeUInt32LE(128, sector + 80)
  disk.writeUInt32LE(128, sector + 84)
  partitions.forEach(({ first, sectors, type }, i) => {
    const at = 2 * sector + i * 128
    disk.write(type, at, 'latin1')
    disk.writeBigUInt64LE(BigInt(first), at + 32)
    disk.writeBigUInt64LE(BigInt(first + sectors - 1), at + 40)
  })
  return disk
}

/** The start of a disk with an MBR; types are a byte each. */
export function mbrOf(partitions: readonly Partition[]): Buffer {
  const disk = Buffer.alloc(512)
  disk.writeUInt16LE(0xaa55, 510)
  partitions.forEach(({ first, sectors, type }, i) => {
    const at = 446 + i * 16
    disk.write(type, at + 4, 'latin1')
    disk.writeUInt32LE(first, at + 8)
    disk.writeUInt32LE(sectors, at + 12)
  })
  return disk
}

/** Writes bytes into a file that is there, or makes one of so many bytes. */
export async function patch(path: string, bytes: Uint8Array, at = 0): Promise<void> {
  await using file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, at)
}
