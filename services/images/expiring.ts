import type { ImageName } from '../../lib/names/name.ts'
import { inStore, lockManifest, untie } from '../archive/ties.ts'
import type { Transaction } from '../db/open.ts'
import { dropDeltas } from '../deltas/queries.ts'
import { setStorage, type Change, type Locked } from './queries.ts'
import { newDesired } from '../facilities/queries.ts'
import { tellOf } from './telling.ts'

/** An image that may go. */
export interface Expiring extends Pick<Locked, 'storage' | 'custom'> {
  readonly name: string
  readonly image: ImageName
}

/**
 * Lets the bytes of an image go, rows first; a collector takes them later (docs/storage.md). Its row, its manifest's row and its history
 * stay: its name says for ever what it was. The caller has locked its family (family.ts) and knows that nothing needs it
 * (needs/refusals.ts).
 */
export async function expireImage(
  tx: Transaction,
  { name, image, storage, custom }: Expiring,
  by: Change,
): Promise<void> {
  if (storage === 'expired') return
  const { id } = await lockManifest(tx, name)
  await setStorage(tx, name, 'expired', by)
  if (!custom) {
    const untied = await inStore(tx, storage, () => untie(tx, id, storage))
    if (untied && storage === 'present') await dropDeltas(tx, id)
  }
  await unwant(tx, name)
  await tellOf(tx, image)
}

/** No facility should hold it any more. */
async function unwant(tx: Transaction, name: string): Promise<void> {
  const gone = await tx<{ facility: string }[]>`
    delete from want where image = ${name} returning facility`
  await newDesired(
    tx,
    gone.map(({ facility }) => facility),
  )
}
