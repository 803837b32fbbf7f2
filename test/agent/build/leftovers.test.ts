import { expect, test } from '@jest/globals'
import { mountedBelow, workingIn } from '../../../agent/build/leftovers.ts'

test('processes that work or are rooted below a folder are found, and no others', () => {
  const processes = [
    { pid: 1, folders: ['/', '/'] },
    { pid: 2, folders: ['/data/builds/one', '/'] },
    { pid: 3, folders: ['/', '/data/builds/one/root'] },
    { pid: 4, folders: ['/data/builds-of-others', '/'] },
  ]
  expect(workingIn('/data/builds', processes)).toEqual([2, 3])
})

test('mounts below a folder are found, deepest first, whatever their names', () => {
  const mounts = [
    '22 1 254:0 / / rw - ext4 /dev/vda rw',
    '30 22 0:5 / /data/builds/a/root rw - tmpfs tmpfs rw',
    '31 30 0:6 / /data/builds/a/root/my\\040proc rw - proc proc rw',
    '32 22 0:7 / /data/other rw - tmpfs tmpfs rw',
  ].join('\n')
  expect(mountedBelow('/data/builds', mounts)).toEqual([
    '/data/builds/a/root/my proc',
    '/data/builds/a/root',
  ])
})
