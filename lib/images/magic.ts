import { type Failure, invalid } from '../failure.ts'
import type { InputFile } from './input.ts'

/** How much of a file's start tells what it is. */
export const headBytes = 512

interface Format {
  readonly name: string
  readonly magic: Buffer
  /** How to make a raw file of it. */
  readonly advice: string
}

const unpack = (tool: string): string => `unpack it with \`${tool}\` and give that file`
const convert = (from: string): string =>
  `convert it with \`qemu-img convert -f ${from} -O raw\` and give that file`

const containers: readonly Format[] = [
  { name: 'qcow2', magic: Buffer.from('QFI\xfb', 'latin1'), advice: convert('qcow2') },
  { name: 'vmdk', magic: Buffer.from('KDMV'), advice: convert('vmdk') },
  { name: 'vhdx', magic: Buffer.from('vhdxfile'), advice: convert('vhdx') },
]

const compressed: readonly Format[] = [
  { name: 'gzip', magic: Buffer.from('1f8b08', 'hex'), advice: unpack('gzip -dk') },
  { name: 'xz', magic: Buffer.from('fd377a585a00', 'hex'), advice: unpack('xz -dk') },
  { name: 'zstd', magic: Buffer.from('28b52ffd', 'hex'), advice: unpack('zstd -dk') },
  { name: 'bzip2', magic: Buffer.from('BZh'), advice: unpack('bzip2 -dk') },
]

/**
 * Throws WRONG_FORMAT if the file is empty or begins like something other than raw bytes. Kernels and initramfs are
 * compressed files by their nature: their boot loader unpacks them.
 */
export function checkFormat({ kind, path, format }: InputFile, head: Uint8Array): void {
  if (head.length === 0) throw wrong(path, 'empty', `${path} is empty: give a file with content`)
  const known = kind === 'rootfs' ? [...containers, ...compressed] : containers
  const found = known.find(({ magic }) => magic.equals(head.subarray(0, magic.length)))
  if (found === undefined) return
  throw wrong(path, found.name, `${path} is ${found.name}, not ${format}: ${found.advice}`)
}

function wrong(path: string, found: string, message: string): Failure {
  return invalid('WRONG_FORMAT', message, { path, found })
}
