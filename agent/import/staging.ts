import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseDigest, type Digest } from '../../lib/content/digest.ts'
import { corrupt, exhausted, type Failure } from '../../lib/failure.ts'
import { writing } from '../../lib/workers/faults.ts'
import type { Item, Origin } from './origin.ts'

/** An item that came whole. */
export interface Staged {
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: Digest
}

/** What a container adds to a disk that does not compress at all. */
const overhead = 1.0625
const spare = 64 * 1024 * 1024

/** How many bytes an item may have, and why no more. */
export interface Bound {
  readonly bytes: number
  readonly why: string
}

/** What can make a disk of that size. */
export function boundOf(diskBytes: number): Bound {
  const why = "the most that make a disk of the source's `size`"
  return { bytes: Math.floor(diskBytes * overhead) + spare, why }
}

/** What a kernel or an initramfs may have. */
export const partBound: Bound = {
  bytes: 1024 ** 3,
  why: 'the most that a kernel or an initramfs may have',
}

/** Writes the bytes of an item to a file in the folder, no more of them than it may have. */
export async function stage(
  origin: Pick<Origin, 'open'>,
  item: Item,
  folder: string,
  bound: Bound,
  tell: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Staged> {
  const path = join(folder, fileName(item.name))
  const total = Number(item.sizeBytes ?? 0n)
  if (total > bound.bytes) throw tooLarge(item, bound)
  const hash = createHash('sha256')
  let sizeBytes = 0
  await using file = await writing(path, () => open(path, 'wx', 0o600))
  for await (const part of origin.open(item, signal)) {
    signal.throwIfAborted()
    sizeBytes += part.length
    if (sizeBytes > bound.bytes) throw tooLarge(item, bound)
    if (total > 0 && sizeBytes > total) throw wrong(item, `goes on after its ${total} bytes`)
    hash.update(part)
    await writing(path, () => file.writeFile(part))
    tell(sizeBytes, total)
  }
  signal.throwIfAborted()
  if (total > 0 && sizeBytes < total) throw wrong(item, `ends after ${sizeBytes} of ${total} bytes`)
  const sha256 = hash.digest('hex')
  if (item.sha256 !== undefined && item.sha256 !== sha256) {
    throw wrong(item, `has the SHA-256 ${sha256}, and should have ${item.sha256}`)
  }
  return { path, sizeBytes, sha256: parseDigest(`sha256:${sha256}`) }
}

/** As the item's own, as far as a file may be called so. */
function fileName(name: string): string {
  return (
    basename(name)
      .replaceAll(/[^A-Za-z0-9._-]/g, '_')
      .replace(/^[.-]+/, '')
      .slice(-100) || 'item'
  )
}

function tooLarge({ name }: Item, { bytes, why }: Bound): Failure {
  const text = `${name} has more than ${bytes} bytes, ${why}.`
  return exhausted('DISK_FULL', text, { name, limit: String(bytes) })
}

function wrong({ name }: Item, what: string): Failure {
  return corrupt(
    'FILE_CORRUPT',
    `${name} ${what}: scan the source again, or ask whoever runs it.`,
    {
      name,
    },
  )
}
