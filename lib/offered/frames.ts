// Frames of zstd (RFC 8878) that need no compressor, and are the same whoever makes them.

const magic = 0xfd2fb528
const [rawBlock, rleBlock] = [0, 1]
/** No block gives more than this. */
const blockBytes = 128 * 1024
/** A size of eight bytes, and a window as large as a block. */
const holeDescriptor = 0xc0
const holeWindow = 0x38
/** One segment, and a size of four bytes. */
const plainDescriptor = 0xa0

/** A longer hole is several frames. */
export const mostHoleBytes = 1024 * 1024 * 1024

/** So many zeros: a block of four bytes for each 128 KiB. */
export function holeFrame(length: number): Buffer {
  const blocks = Math.ceil(length / blockBytes)
  const frame = Buffer.alloc(14 + blocks * 4)
  frame.writeUInt32LE(magic)
  frame.writeUInt8(holeDescriptor, 4)
  frame.writeUInt8(holeWindow, 5)
  frame.writeBigUInt64LE(BigInt(length), 6)
  for (let i = 0; i < blocks; i++) {
    const size = Math.min(blockBytes, length - i * blockBytes)
    frame.writeUIntLE(blockHeader(rleBlock, size, i === blocks - 1), 14 + i * 4, 3)
  }
  return frame
}

/** The bytes as they are. */
export function plainFrame(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUInt32LE(magic)
  head.writeUInt8(plainDescriptor, 4)
  head.writeUInt32LE(bytes.length, 5)
  const parts: Uint8Array[] = [head]
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes)
    const header = Buffer.alloc(3)
    header.writeUIntLE(blockHeader(rawBlock, block.length, at + blockBytes >= bytes.length), 0, 3)
    parts.push(header, block)
  }
  return Buffer.concat(parts)
}

function blockHeader(type: number, size: number, isLast: boolean): number {
  return (size << 3) | (type << 1) | Number(isLast)
}
