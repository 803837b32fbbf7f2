import { exhausted, type Failure } from '../lib/failure.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { Stored } from './evict.ts'
import type { Bound } from './marks.ts'

const mostTold = 3

/** What there is for an image, and what it needs. */
interface Room {
  readonly coming: number
  readonly lacking: number
  readonly bounds: readonly Bound[]
  /** Where the store is. */
  readonly folder: string
}

/** Says what an image lacks to fit, and what could be dropped for it: what was used longest ago, and is large enough to matter. */
export function noRoom(
  { name }: Image,
  { coming, lacking, bounds, folder }: Room,
  stayers: readonly { readonly image: Stored; readonly why: string }[],
): Failure {
  const tight = bounds.toSorted((a, b) => roomIn(a) - roomIn(b))[0]
  const where = tight?.what === 'store' ? 'by --most-bytes' : `on the disk of ${folder}`
  const text = `${name} needs about ${coming} bytes, and ${lacking} of them do not fit ${where}, with all gone that may go.`
  const facts = { path: folder, needed: String(coming), lacking: String(lacking) }
  return exhausted('DISK_FULL', `${text} ${adviceFor(name, stayers)}`, facts)
}

function roomIn({ usedBytes, totalBytes }: Bound): number {
  return totalBytes - usedBytes
}

function adviceFor(
  name: string,
  stayers: readonly { readonly image: Stored; readonly why: string }[],
): string {
  const oldestFirst = stayers
    .filter(({ image }) => image.name !== name)
    .toSorted((a, b) => lastOf(a.image) - lastOf(b.image))
    .slice(0, mostTold)
  if (oldestFirst.length === 0) return 'Make room, or let the store take more.'
  const each = oldestFirst.map(({ image, why }) => `${image.name} (${image.bytes} bytes; ${why})`)
  return `What is here and used least: ${each.join(', ')}; "mrs-image drop" and "mrs-image evict" let go of what is not needed.`
}

function lastOf({ used, arrived }: Stored): number {
  return Math.max(used?.getTime() ?? 0, arrived.getTime())
}
