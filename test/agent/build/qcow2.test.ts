import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { unpackQcow2 } from '../../../agent/build/qcow2.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { qcow2Of } from '../../support/qcow2.ts'

const cluster = 64 * 1024

async function unpack(file: Buffer, mostBytes = 64 * cluster) {
  await using folder = await temporaryFolder()
  const [from, to] = [join(folder.path, 'rootfs.qcow2'), join(folder.path, 'rootfs.raw')]
  await writeFile(from, file)
  await unpackQcow2(from, to, mostBytes, new AbortController().signal)
  return { disk: await readFile(to), stored: (await stat(to)).blocks * 512 }
}

test('the disk in a qcow2 becomes a file with holes', async () => {
  const sizeBytes = 32 * cluster + 512
  const file = qcow2Of({ sizeBytes, l2: [0n, 0n, 0n, 0n, 0n, BigInt(3 * cluster)] })
  file.fill(7, 3 * cluster)
  const { disk, stored } = await unpack(file)
  expect(disk.length).toBe(sizeBytes)
  expect(disk.subarray(5 * cluster, 6 * cluster).every((byte) => byte === 7)).toBe(true)
  expect(disk.filter((byte) => byte !== 0)).toHaveLength(cluster)
  expect(stored).toBeLessThan(sizeBytes / 2)
})

test.each([
  ['no qcow2', Buffer.from('something else, and long enough to be looked at'.repeat(4)), undefined],
  ['a disk that is too large', qcow2Of(), cluster],
])('%s is refused', async (_what, file, mostBytes) => {
  await expect(unpack(file, mostBytes)).rejects.toMatchObject({ reason: 'WRONG_FORMAT' })
})
