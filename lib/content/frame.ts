const magic = 0xfd2fb528
const [rle, reserved] = [1, 3]
const dictionaryIdBytes = [0, 1, 2, 4] as const

/** How long the zstd frame is that begins these bytes, from its headers alone (RFC 8878, 3.1.1); undefined if it is not whole. */
export function frameLength(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 5 || view.getUint32(0, true) !== magic) return undefined
  const descriptor = view.getUint8(4)
  for (let at = 5 + headerBytes(descriptor); at + 3 <= bytes.length;) {
    const block = view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
    const type = (block >> 1) & 3
    if (type === reserved) return undefined
    at += 3 + (type === rle ? 1 : block >> 3)
    if ((block & 1) === 0) continue
    const end = at + (hasChecksum(descriptor) ? 4 : 0)
    return end <= bytes.length ? end : undefined
  }
  return undefined
}

/** The bytes between the descriptor and the first block: window, dictionary and content size. */
export function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 1 << sizeFlag
  return (isSingleSegment ? 0 : 1) + (dictionaryIdBytes[descriptor & 3] ?? 0) + sizeBytes
}

export function hasChecksum(descriptor: number): boolean {
  return (descriptor & 4) !== 0
}
