// A tar as POSIX.1-1988 (ustar) has it, with nothing that could be otherwise: docs/format.md is the specification.

export const blockBytes = 512

/** What follows the last member. */
export const tarEnd = Buffer.alloc(2 * blockBytes)

/** The header of a member; the same name and size always give the same bytes. */
export function tarHeader(name: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  header.write(name, 0, 'latin1')
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${octal(sizeBytes, 11)}\0`, 124)
  header.write(`${octal(0, 11)}\0`, 136)
  header.fill(' ', 148, 156)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${octal(sum, 6)}\0 `, 148)
  return header
}

/** The zeros between a member and the next header. */
export function paddingAfter(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}

/** Reads a header that is as `tarHeader` makes it; undefined for any other bytes. */
export function readTarHeader(
  block: Uint8Array,
): { readonly name: string; readonly sizeBytes: number } | undefined {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length)
  const end = bytes.indexOf(0)
  const size = /^[0-7]{11}$/.exec(bytes.toString('latin1', 124, 135))?.[0]
  if (end < 1 || end > 100 || size === undefined) return undefined
  const name = bytes.toString('latin1', 0, end)
  const sizeBytes = Number.parseInt(size, 8)
  return tarHeader(name, sizeBytes).equals(bytes) ? { name, sizeBytes } : undefined
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}
