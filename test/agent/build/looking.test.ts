import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { contentsOf } from '../../../agent/build/disk.ts'
import { uncleanIn } from '../../../agent/build/hygiene.ts'
import { lookInto } from '../../../agent/build/looking.ts'
import {
  type FreshBench,
  freshBench,
  gptOf,
  mebibyte,
  patch,
  putExt4,
} from '../../support/disks.ts'

let bench: FreshBench
let disk: string

beforeEach(async () => {
  bench = await freshBench()
  disk = join(bench.places.output, 'rootfs.raw')
})

afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

async function look() {
  const { listing, unread } = await lookInto(await contentsOf(disk), bench)
  return { unclean: uncleanIn(listing), unread }
}

/** A disk of 16 MiB with two partitions, at 1 and at 9 MiB. */
async function partitioned(): Promise<void> {
  await writeFile(disk, '')
  await truncate(disk, 16 * mebibyte)
  const type = 'a type of Linux.'
  const part = (first: number, sectors: number) => ({ first, sectors, type })
  await patch(disk, gptOf([part(2048, 8 * 2048), part(9 * 2048, 6 * 2048)]))
}

const dirty = {
  'etc/ssh/ssh_host_rsa_key': 'secret',
  'etc/ssh/sshd_config': 'Port 22',
  'home/a b/.bash_history': 'rm -rf /',
  'var/log/apt/term.log': 'much',
  'var/log/empty.log': '',
  'var/log/odd\nname': 'x',
  'srv/var/log/other': 'x',
}

test('what must not be in two machines is found in an ext4 root', async () => {
  await putExt4(disk, dirty)
  const { unclean, unread } = await look()
  expect(unread).toEqual([])
  expect(unclean.toSorted()).toEqual([
    '/etc/ssh/ssh_host_rsa_key: a host key belongs to one machine',
    '/home/a b/.bash_history: a history of whoever made it',
    '/var/log/apt/term.log: a log of the build',
    '/var/log/odd\nname: a log of the build',
  ])
})

test('a root in a partition is looked into, and what else there is is named', async () => {
  await partitioned()
  await putExt4(disk, dirty, { offset: mebibyte })
  await patch(disk, Buffer.from('XFSB'), 9 * mebibyte)
  const { unclean, unread } = await look()
  expect(unclean).toHaveLength(4)
  expect(unread).toEqual(['partition 2 is xfs'])
})

test('a file system without /etc is no root', async () => {
  await partitioned()
  await putExt4(disk, { 'etc/hostname': 'debian' }, { offset: mebibyte })
  await putExt4(disk, { 'log/syslog': 'x' }, { offset: 9 * mebibyte, sizeBytes: 6 * mebibyte })
  expect(await look()).toEqual({
    unclean: [],
    unread: ['partition 2 has no /etc, so it is no root'],
  })
})

test('a file system that is broken is not taken for a clean one', async () => {
  await putExt4(disk, dirty)
  await patch(disk, Buffer.alloc(4 * mebibyte, 0xff), 2048)
  expect(await look()).toEqual({ unclean: [], unread: ['the disk cannot be read by debugfs'] })
})

test.each([
  ['zeros', Buffer.alloc(4), 'the disk is zeros'],
  ['encrypted', Buffer.from('LUKS\xba\xbe', 'latin1'), 'the disk is encrypted'],
])('a disk that is %s is said to be that', async (_what, bytes, why) => {
  await writeFile(disk, bytes)
  expect(await look()).toEqual({ unclean: [], unread: [why] })
})
