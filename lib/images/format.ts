import { invalid, type Failure } from '../failure.ts'

/** What a file can be handed in as. A manifest always says raw: what an image is does not depend on how it came. */
export const containers = ['raw', 'qcow2', 'raw+gzip', 'raw+xz', 'raw+zstd'] as const

export type Container = (typeof containers)[number]

/** How much of a file's start tells what it is. */
export const headBytes = 512

interface Known {
  readonly name: string
  readonly magic: Buffer
  /** What it can be handed in as, where that is possible. */
  readonly container?: Container
  readonly ending?: string
  /** How to make a raw file of it. */
  readonly advice: string
}

const unpack = (tool: string): string => `unpack it with \`${tool}\` and give that file`
const convert = (from: string): string =>
  `convert it with \`qemu-img convert -f ${from} -O raw\` and give that file`

const disks: readonly Known[] = [
  {
    name: 'qcow2',
    magic: Buffer.from('QFI\xfb', 'latin1'),
    container: 'qcow2',
    ending: '.qcow2',
    advice: convert('qcow2'),
  },
  { name: 'vmdk', magic: Buffer.from('KDMV'), advice: convert('vmdk') },
  { name: 'vhdx', magic: Buffer.from('vhdxfile'), advice: convert('vhdx') },
]

const compressed: readonly Known[] = [
  {
    name: 'gzip',
    magic: Buffer.from('1f8b08', 'hex'),
    container: 'raw+gzip',
    ending: '.gz',
    advice: unpack('gzip -dk'),
  },
  {
    name: 'xz',
    magic: Buffer.from('fd377a585a00', 'hex'),
    container: 'raw+xz',
    ending: '.xz',
    advice: unpack('xz -dk'),
  },
  {
    name: 'zstd',
    magic: Buffer.from('28b52ffd', 'hex'),
    container: 'raw+zstd',
    ending: '.zst',
    advice: unpack('zstd -dk'),
  },
  { name: 'bzip2', magic: Buffer.from('BZh'), advice: unpack('bzip2 -dk') },
]

const all = [...disks, ...compressed]

/** A file, what was said of it, and how it begins. */
export interface Declared {
  readonly kind: 'rootfs' | 'kernel' | 'initramfs'
  readonly path: string
  /** What the person said it is, who may leave it to the file's name. */
  readonly container?: Container
}

/**
 * What the file is, as declared: by the person, or else by the file's name. The first bytes never choose, because whoever wrote
 * the disk chose them; they must agree. Throws WRONG_FORMAT where they do not. A kernel or initramfs is always taken as it is: its
 * boot loader unpacks it.
 */
export function declaredContainer(file: Declared, head: Uint8Array): Container {
  const { kind, path, container: said } = file
  if (head.length === 0) throw wrong(path, 'empty', `${path} is empty: give a file with content`)
  if (kind !== 'rootfs') {
    refuse(path, beginning(disks, head))
    return 'raw'
  }
  if (said === 'raw') return said
  const found = beginning(all, head)
  const declared = said ?? containerOfName(path)
  if (declared !== 'raw') {
    if (found?.container === declared) return declared
    throw otherwise(path, said === undefined ? 'by its name' : 'declared as', declared, found)
  }
  if (found !== undefined) throw undeclared(path, found)
  return declared
}

function containerOfName(path: string): Container {
  const named = all.find(({ ending }) => ending !== undefined && path.endsWith(ending))
  return named?.container ?? 'raw'
}

function otherwise(path: string, by: string, declared: Container, found?: Known): Failure {
  const begins = found === undefined ? 'does not begin like that' : `begins like ${found.name}`
  const advice = `say what it is with --format ${found?.container ?? 'raw'}`
  const message = `${path} is ${by} ${declared}, but ${begins}: ${advice}`
  return wrong(path, found?.name ?? 'raw', message)
}

/** Throws WRONG_FORMAT if what was packed in the file is no raw disk either. */
export function checkUnpacked(path: string, head: Uint8Array): void {
  if (head.length === 0)
    throw wrong(path, 'empty', `${path} holds nothing: give a file with content`)
  const inner = beginning(all, head)
  if (inner === undefined) return
  const advice = `unpack the file, and say --format ${inner.container ?? 'raw'} for what is in it`
  throw wrong(path, inner.name, `what is packed in ${path} is ${inner.name}, not raw: ${advice}`)
}

function beginning(known: readonly Known[], head: Uint8Array): Known | undefined {
  return known.find(({ magic }) => magic.equals(head.subarray(0, magic.length)))
}

function refuse(path: string, found: Known | undefined): void {
  if (found === undefined) return
  throw wrong(path, found.name, `${path} is ${found.name}, not raw: ${found.advice}`)
}

function undeclared(path: string, found: Known): Failure {
  const ways = found.container === undefined ? found.advice : `say --format ${found.container}`
  const advice = `${ways}, or --format raw if the disk itself begins so`
  return wrong(path, found.name, `${path} is ${found.name}, and not declared so: ${advice}`)
}

export function wrong(path: string, found: string, message: string): Failure {
  return invalid('WRONG_FORMAT', message, { path, found })
}
