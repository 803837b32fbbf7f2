/** What a qcow2 image to be made is like. */
export interface Qcow2Parts {
  readonly version?: 2 | 3
  readonly clusterBits?: number
  readonly sizeBytes?: number
  readonly l2?: readonly bigint[]
  readonly fileBytes?: number
}

/** A qcow2 image made by hand: the L1 table is its second cluster, the only L2 table its third. */
export function qcow2Of({
  version = 3,
  clusterBits = 16,
  sizeBytes = 8 * 2 ** clusterBits,
  l2 = [],
  fileBytes = 4 * 2 ** clusterBits,
}: Qcow2Parts = {}): Buffer {
  const clusterBytes = 2 ** clusterBits
  const file = Buffer.alloc(fileBytes)
  file.write('QFI\xfb', 'latin1')
  file.writeUInt32BE(version, 4)
  file.writeUInt32BE(clusterBits, 20)
  file.writeBigUInt64BE(BigInt(sizeBytes), 24)
  file.writeUInt32BE(1, 36)
  file.writeBigUInt64BE(BigInt(clusterBytes), 40)
  if (version === 3) file.writeUInt32BE(104, 100)
  file.writeBigUInt64BE((1n << 63n) | BigInt(2 * clusterBytes), clusterBytes)
  l2.forEach((entry, i) => file.writeBigUInt64BE(entry, 2 * clusterBytes + i * 8))
  return file
}
