import type { Failure } from '../failure.ts'
import { wrong } from './format.ts'

/** A qcow2 image that stands alone, as its header tells: enough to find every cluster. */
export interface Qcow2 {
  readonly path: string
  readonly fileBytes: number
  /** Of the disk in it. */
  readonly sizeBytes: number
  readonly version: 2 | 3
  readonly clusterBits: number
  readonly l1Offset: number
  readonly compression: 'zlib' | 'zstd'
}

/** What QEMU takes at most. */
const mostL1Bytes = 32 * 1024 * 1024

/** What the incompatible features are, by bit. Compression (3) is the only one that can be read here. */
const [dirty, damaged, externalData, compressionType, extendedL2] = [1n, 2n, 4n, 8n, 16n] as const

/**
 * Reads the header as docs/interop/qcow2 of QEMU specifies it. Throws WRONG_FORMAT, and says what to do, where the image needs
 * anything but its own file, or is not whole. Snapshots and reference counts are nobody's matter here.
 */
export function readQcow2(
  path: string,
  head: Uint8Array,
  fileBytes: number,
  mostBytes: number,
): Qcow2 {
  const refuse = (message: string): Failure => wrong(path, 'qcow2', `${path} ${message}`)
  if (head.length < 72) throw refuse('ends within its header: fetch it again')
  const view = new DataView(head.buffer, head.byteOffset, head.length)
  const version = view.getUint32(4)
  if (version !== 2 && version !== 3) {
    throw refuse(`is qcow version ${version}, not 2 or 3: ${convert}`)
  }
  if (version === 3 && head.length < 104) throw refuse('ends within its header: fetch it again')
  if (view.getBigUint64(8) !== 0n) {
    throw refuse(`is an overlay over a backing file, which is never opened: ${convert}`)
  }
  if (view.getUint32(32) !== 0) throw refuse(`is encrypted: decrypt it; ${convert}`)
  const compression = version === 2 ? 'zlib' : checkFeatures(view, refuse)
  const clusterBits = view.getUint32(20)
  if (clusterBits < 9 || clusterBits > 21) {
    throw refuse(`has clusters of 2^${clusterBits} bytes, not 512 B to 2 MiB: fetch it again`)
  }
  const sizeBytes = checkSize(view.getBigUint64(24), mostBytes, refuse)
  const l1Offset = checkL1(view, sizeBytes, clusterBits, fileBytes, refuse)
  return { path, fileBytes, sizeBytes, version, clusterBits, l1Offset, compression }
}

const convert = 'make it one plain image with `qemu-img convert -O qcow2` and give that file'

type Refuse = (message: string) => Failure

function checkFeatures(view: DataView, refuse: Refuse): Qcow2['compression'] {
  const features = view.getBigUint64(72)
  const has = (bit: bigint): boolean => (features & bit) !== 0n
  const repair = 'repair it with `qemu-img check -r all`'
  if (has(damaged)) throw refuse(`is marked as corrupt: ${repair}`)
  if (has(dirty)) throw refuse(`was not closed by what wrote it: stop that, or ${repair}`)
  if (has(externalData))
    throw refuse(`keeps its data in another file, which is never opened: ${convert}`)
  if (has(extendedL2)) throw refuse(`has extended L2 entries, which are not read here: ${convert}`)
  const unknown = features & ~compressionType
  if (unknown !== 0n) throw refuse(`needs features 0x${unknown.toString(16)}: ${convert}`)
  return checkCompression(view, has(compressionType), refuse)
}

function checkCompression(view: DataView, isOther: boolean, refuse: Refuse): Qcow2['compression'] {
  const headerBytes = view.getUint32(100)
  if (headerBytes < 104 || headerBytes % 8 !== 0) {
    throw refuse(`has a header of ${headerBytes} bytes, which is none: fetch it again`)
  }
  const type = headerBytes > 104 && view.byteLength > 104 ? view.getUint8(104) : 0
  if (type > 1 || isOther !== (type === 1)) {
    throw refuse(`is compressed in an unknown way (${type}): ${convert}`)
  }
  return type === 1 ? 'zstd' : 'zlib'
}

function checkSize(size: bigint, mostBytes: number, refuse: Refuse): number {
  if (size === 0n) throw refuse('holds a disk of 0 bytes: give one with content')
  if (size > BigInt(mostBytes)) {
    throw refuse(`holds a disk of ${size} bytes; at most ${mostBytes} are allowed: see --max-size`)
  }
  return Number(size)
}

function checkL1(
  view: DataView,
  sizeBytes: number,
  clusterBits: number,
  fileBytes: number,
  refuse: Refuse,
): number {
  const entries = view.getUint32(36)
  const offset = view.getBigUint64(40)
  const needed = Math.ceil(sizeBytes / 2 ** (2 * clusterBits - 3))
  if (entries < needed) {
    throw refuse(`has an L1 table of ${entries} entries where ${needed} are needed: fetch it again`)
  }
  if (entries * 8 > mostL1Bytes) throw refuse(`has an L1 table of ${entries * 8} bytes: ${convert}`)
  if (offset % BigInt(2 ** clusterBits) !== 0n || offset === 0n) {
    throw refuse(`has its L1 table at byte ${offset}, where none can be: fetch it again`)
  }
  if (offset + BigInt(entries * 8) > BigInt(fileBytes)) {
    throw refuse(`ends at byte ${fileBytes}, before its L1 table does: fetch it again`)
  }
  return Number(offset)
}
