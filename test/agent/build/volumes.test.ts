import { describe, expect, test } from '@jest/globals'
import { contentOf, extentsOf } from '../../../agent/build/volumes.ts'
import { gptOf, mbrOf, mebibyte } from '../../support/disks.ts'

const linux = 'a type of Linux.'
const whole = { number: 0, offset: 0, sizeBytes: mebibyte, use: 'any' }

describe('a disk', () => {
  test('has the partitions of its GPT, in sectors of whatever size', () => {
    const parts = [
      { first: 40, sectors: 8, type: 'Hah!IdontNeedEFI' },
      { first: 48, sectors: 16, type: linux },
    ]
    expect(extentsOf(gptOf(parts), mebibyte)).toEqual([
      { number: 1, offset: 40 * 512, sizeBytes: 8 * 512, use: 'loader' },
      { number: 2, offset: 48 * 512, sizeBytes: 16 * 512, use: 'any' },
    ])
    expect(extentsOf(gptOf(parts, 4096), mebibyte)[1]).toMatchObject({ offset: 48 * 4096 })
  })

  test('has the partitions of its MBR, of which an extended one is not looked into', () => {
    const parts = [
      { first: 8, sectors: 8, type: '\x83' },
      { first: 16, sectors: 8, type: '\x05' },
    ]
    expect(extentsOf(mbrOf(parts), mebibyte)).toEqual([
      { number: 1, offset: 8 * 512, sizeBytes: 8 * 512, use: 'any' },
      { number: 2, offset: 16 * 512, sizeBytes: 8 * 512, use: 'extended' },
    ])
  })

  test.each([
    ['nothing', Buffer.alloc(4096)],
    ['less than a sector', Buffer.alloc(100)],
    ['a partition that it has no room for', mbrOf([{ first: 8, sectors: 4096, type: '\x83' }])],
    ['one that has no end', gptOf([{ first: 40, sectors: -30, type: linux }])],
    ['a table that is cut off', gptOf([{ first: 40, sectors: 8, type: linux }]).subarray(0, 2048)],
  ])('is taken as one where it has %s', (_what, head) => {
    expect(extentsOf(head, mebibyte)).toEqual([whole])
  })
})

test.each([
  ['xfs', 0, 'XFSB'],
  ['btrfs', 65600, '_BHRfS_M'],
  ['luks', 0, 'LUKS\xba\xbe'],
  ['lvm', 536, 'LVM2 001'],
  ['swap', 4086, 'SWAPSPACE2'],
  ['fat', 82, 'FAT32   '],
  ['ext', 1080, '\x53\xef'],
])('%s is known by what it has at byte %d', (content, at, mark) => {
  const head = Buffer.alloc(68 * 1024)
  head.write(mark, at, 'latin1')
  expect(contentOf(head)).toBe(content)
})

test('zeros are zeros, and all else is unknown', () => {
  expect(contentOf(Buffer.alloc(512))).toBe('zeros')
  expect(contentOf(Buffer.from('what is this'))).toBe('unknown')
})
