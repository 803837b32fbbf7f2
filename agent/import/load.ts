import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { internal } from '../../lib/failure.ts'
import { partKinds, type PartKind } from '../../lib/sources/source.ts'
import { sumOf } from '../../lib/sources/sum.ts'
import type { ImportOrder } from '../../proto/gen/merge/image/v1/build.ts'
import type { ImportPart } from '../../proto/gen/merge/image/v1/image.ts'
import type { Item, Origin } from './origin.ts'
import { boundOf, partBound, stage, type Staged } from './staging.ts'

/** A disk and what belongs to it, all of which came. */
export interface Load {
  readonly disk: Staged
  readonly parts: readonly (Staged & { readonly kind: PartKind })[]
}

/** What stands for its bytes, in hex. */
export function sumOfLoad({ disk, parts }: Load): string {
  return sumOf(disk.sha256, parts)
}

/** Stages a disk and what belongs to it, the small ones first: where one of them is wrong, the disk need not come. */
export async function stageAll(
  origin: Pick<Origin, 'open'>,
  order: ImportOrder,
  folder: string,
  diskBytes: number,
  tell: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Load> {
  const items = [order, ...order.parts]
  const total = items.every(({ sizeBytes }) => sizeBytes > 0n)
    ? items.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0)
    : 0
  let before = 0
  const telling = (done: number): void => {
    tell(before + done, total)
  }
  const parts: (Staged & { readonly kind: PartKind })[] = []
  for (const part of order.parts) {
    const kind = kindOf(part)
    const own = join(folder, kind)
    await mkdir(own)
    const staged = await stage(origin, itemOf(part), own, partBound, telling, signal)
    parts.push({ ...staged, kind })
    before += staged.sizeBytes
  }
  const disk = { ...itemOf(order), fields: order.fields, ...timed(order) }
  // A folder of its own too, for a disk may be called as a part is.
  const own = join(folder, 'rootfs')
  await mkdir(own)
  return {
    disk: await stage(origin, disk, own, boundOf(diskBytes), telling, signal),
    parts,
  }
}

function kindOf({ kind, name }: ImportPart): PartKind {
  const known = partKinds.find((one) => one === kind)
  if (known !== undefined) return known
  throw internal(
    'INTERNAL',
    `The portal says that ${name} is a ${kind}, which this agent does not know.`,
  )
}

function itemOf({
  name,
  version,
  sha256,
  sizeBytes,
}: Pick<ImportPart, 'name' | 'version' | 'sha256' | 'sizeBytes'>): Item {
  return {
    ...{ name, version, fields: {} },
    ...(sha256 === '' ? {} : { sha256 }),
    ...(sizeBytes === 0n ? {} : { sizeBytes }),
  }
}

function timed({ time }: ImportOrder): Pick<Item, 'time'> {
  return time === undefined ? {} : { time }
}
