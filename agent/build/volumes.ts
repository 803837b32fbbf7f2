/** A part of a disk, or all of one that has no partitions. */
export interface Extent {
  /** Of its partition; 0 for the whole disk. */
  readonly number: number
  readonly offset: number
  readonly sizeBytes: number
  /** What the table says it is, where that matters. */
  readonly use: 'any' | 'loader' | 'extended'
}

/** What the first bytes of a part of a disk say it is. */
export type Content =
  'ext' | 'xfs' | 'btrfs' | 'lvm' | 'luks' | 'squashfs' | 'fat' | 'swap' | 'zeros' | 'unknown'

/** How much of a disk's start its partition table is looked for in. */
export const tableBytes = 1024 * 1024
/** How much of a part's start tells what it is. */
export const contentBytes = 68 * 1024

/** The parts of a disk, by a GPT or an MBR. Entries that do not fit the disk make it one without a table. */
export function extentsOf(head: Buffer, diskBytes: number): Extent[] {
  const whole: Extent = { number: 0, offset: 0, sizeBytes: diskBytes, use: 'any' }
  if (contentOf(head) === 'ext') return [whole]
  for (const sector of [512, 4096]) {
    const found = gptOf(head, sector)
    if (found !== undefined) return fitting(found, diskBytes) ? found : [whole]
  }
  const found = mbrOf(head)
  return found.length > 0 && fitting(found, diskBytes) ? found : [whole]
}

function fitting(extents: readonly Extent[], diskBytes: number): boolean {
  return extents.every(
    ({ offset, sizeBytes }) => offset > 0 && sizeBytes > 0 && offset + sizeBytes <= diskBytes,
  )
}

const biosBoot = Buffer.from('Hah!IdontNeedEFI')
const noType = Buffer.alloc(16)

function gptOf(head: Buffer, sector: number): Extent[] | undefined {
  if (head.length < 2 * sector || head.toString('latin1', sector, sector + 8) !== 'EFI PART') {
    return undefined
  }
  const at = Number(head.readBigUInt64LE(sector + 72)) * sector
  const [count, size] = [head.readUInt32LE(sector + 80), head.readUInt32LE(sector + 84)]
  // A table that is somewhere else, or of another shape, is nobody's that is made today.
  if (size < 128 || size > 4096 || at + count * size > head.length) return undefined
  return Array.from({ length: count }, (_, i) => head.subarray(at + i * size)).flatMap(
    (entry, i) => {
      const type = entry.subarray(0, 16)
      if (type.equals(noType)) return []
      const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))]
      const use = type.equals(biosBoot) ? 'loader' : 'any'
      return [
        { number: i + 1, offset: first * sector, sizeBytes: (last - first + 1) * sector, use },
      ]
    },
  )
}

const [mbrAt, mbrSector] = [446, 512] as const
const extendedTypes = [0x05, 0x0f, 0x85]
const protective = 0xee

function mbrOf(head: Buffer): Extent[] {
  if (head.length < mbrSector || head.readUInt16LE(510) !== 0xaa55) return []
  return [0, 1, 2, 3].flatMap((i) => {
    const entry = head.subarray(mbrAt + i * 16)
    const [status, type] = [entry.readUInt8(0), entry.readUInt8(4)]
    if (type === 0 || (status !== 0 && status !== 0x80)) return []
    const use = extendedTypes.includes(type) || type === protective ? 'extended' : 'any'
    return [
      {
        number: i + 1,
        offset: entry.readUInt32LE(8) * mbrSector,
        sizeBytes: entry.readUInt32LE(12) * mbrSector,
        use,
      },
    ]
  })
}

const marks: readonly (readonly [content: Content, at: number, mark: Buffer])[] = [
  ['ext', 1024 + 56, Buffer.from('53ef', 'hex')],
  ['luks', 0, Buffer.from('LUKS\xba\xbe', 'latin1')],
  ['xfs', 0, Buffer.from('XFSB')],
  ['squashfs', 0, Buffer.from('hsqs')],
  ['lvm', 512 + 24, Buffer.from('LVM2 001')],
  ['btrfs', 64 * 1024 + 64, Buffer.from('_BHRfS_M')],
  ['swap', 4086, Buffer.from('SWAPSPACE2')],
  ['fat', 54, Buffer.from('FAT')],
  ['fat', 82, Buffer.from('FAT32')],
]

export function contentOf(head: Buffer): Content {
  const found = marks.find(([, at, mark]) => mark.equals(head.subarray(at, at + mark.length)))
  if (found !== undefined) return found[0]
  return head.every((byte) => byte === 0) ? 'zeros' : 'unknown'
}
