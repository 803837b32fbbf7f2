import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { mountAt, mountedBelow } from '../../../agent/build/mounts.ts'

test('mounts below a folder are found, deepest first and of a pile the uppermost, whatever their names', () => {
  const mounts = [
    '22 1 254:0 / / rw - ext4 /dev/vda rw',
    '30 22 0:5 / /data/builds/a/root rw - tmpfs tmpfs rw',
    '31 30 0:6 / /data/builds/a/root/my\\040proc rw - proc proc rw',
    '32 22 0:7 / /data/other rw - tmpfs tmpfs rw',
    '33 30 0:8 / /data/builds/a/root rw - tmpfs tmpfs rw',
    '34 22 0:9 / /data/builds rw - tmpfs tmpfs rw',
  ].join('\n')
  expect(mountedBelow('/data/builds', mounts)).toEqual([
    { id: 31, point: '/data/builds/a/root/my proc' },
    { id: 33, point: '/data/builds/a/root' },
    { id: 30, point: '/data/builds/a/root' },
  ])
})

test('the mount that a path leads to is known by its number', async () => {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const proc = mounts.findLast((line) => line.split(' ')[4] === '/proc')
  expect(await mountAt('/proc')).toBe(Number(proc?.split(' ')[0]))
  expect(await mountAt('/nowhere/at/all')).toBeUndefined()
})
