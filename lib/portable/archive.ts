import type { FileHandle } from 'node:fs/promises'
import { sha256 } from '../content/digest.ts'
import { corrupt, Failure } from '../failure.ts'
import { readFault } from '../workers/faults.ts'
import { memberSums, sumsMember } from './members.ts'
import { blockBytes, paddingAfter, readTarHeader, tarEnd } from './tar.ts'

export type Archive = ReturnType<typeof archiveIn>

/** The members of a file, one after another, each with the only bytes that it may have around it. */
export function archiveIn(path: string, file: FileHandle, size: number) {
  const sums = memberSums()
  let position = 0
  let left = 0
  const damaged = (member: string, why: string, cause?: unknown): Failure =>
    corrupt('FILE_CORRUPT', `${path} is damaged at ${member}: ${why}.`, { path, member }, cause)
  const range = async (offset: number, length: number): Promise<Buffer> => {
    // Memory of its own: it moves to other threads.
    const bytes = Buffer.allocUnsafeSlow(length)
    const { bytesRead } = await reading(path, () => readAll(file, bytes, offset))
    return bytes.subarray(0, bytesRead)
  }
  const take = async (member: string, length: number): Promise<Buffer> => {
    const bytes = await range(position, length)
    if (bytes.length < length) throw damaged(member, 'the file ends too early')
    position += length
    return bytes
  }
  const enter = async (member: string, mostBytes: number) => {
    const header = readTarHeader(await take(member, blockBytes))
    if (header === undefined) throw damaged(member, 'its header is not as it should be')
    const { name, sizeBytes } = header
    if (name !== member) throw damaged(member, `${shown(name)} is in its place`)
    if (sizeBytes > mostBytes) throw damaged(member, `it has over ${mostBytes} bytes`)
    if (sizeBytes > size - position) throw damaged(member, 'the file ends too early')
    left = paddingAfter(sizeBytes)
    return { start: position, sizeBytes }
  }
  const leave = async (member: string, digest: string): Promise<void> => {
    sums.add(member, digest)
    const padding = await take(member, left)
    if (padding.some((byte) => byte !== 0)) throw damaged(member, 'something follows it')
  }
  /** A member as a whole. */
  const whole = async (member: string, mostBytes: number): Promise<Buffer> => {
    const { sizeBytes } = await enter(member, mostBytes)
    const bytes = await take(member, sizeBytes)
    await leave(member, sha256(bytes))
    return bytes
  }
  return {
    ...{ damaged, range, take, enter, leave, whole },
    position: () => position,
    /** The block that comes next. */
    peek: () => range(position, blockBytes),
    /** Reads the sums of all that came before, and that nothing follows. */
    async end(): Promise<void> {
      const expected = sums.bytes()
      const found = await whole(sumsMember, expected.length)
      if (!found.equals(expected)) throw damaged(sumsMember, firstWrong(found, expected))
      const end = await take(sumsMember, tarEnd.length)
      if (!end.equals(tarEnd) || position !== size) {
        throw damaged(sumsMember, 'something follows it')
      }
    },
  }
}

function firstWrong(found: Buffer, expected: Buffer): string {
  const lines = new Set(found.toString('latin1').split('\n'))
  const wrong =
    expected
      .toString('latin1')
      .split('\n')
      .find((line) => !lines.has(line)) ?? ''
  return `${wrong.slice(66)} has another checksum`
}

async function readAll(file: FileHandle, bytes: Buffer, offset: number) {
  let bytesRead = 0
  while (bytesRead < bytes.length) {
    const read = await file.read(bytes, bytesRead, bytes.length - bytesRead, offset + bytesRead)
    if (read.bytesRead === 0) break
    bytesRead += read.bytesRead
  }
  return { bytesRead }
}

export async function reading<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw readFault(path, error)
  }
}

function shown(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?')
}
