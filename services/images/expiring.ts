import { inStore, lockManifest, untie } from '../archive/ties.ts'
import { followLines } from '../aliases/follow.ts'
import { announce } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { dropDeltas } from '../deltas/queries.ts'
import { newGeneration } from '../generation.ts'
import { setStorage, type Change } from './queries.ts'
import type { Subject } from './standing.ts'

/**
 * Lets the bytes of an image go, rows first; a collector takes them later (docs/storage.md). Whoever calls this has locked
 * the image and its line, and made sure that nothing needs it.
 */
export async function expireImage(
  tx: Transaction,
  { name, image, storage, custom }: Subject,
  by: Change,
): Promise<void> {
  if (storage === 'expired') return
  const { id } = await lockManifest(tx, name)
  await setStorage(tx, name, 'expired', by)
  if (custom) await wantNoMore(tx, name)
  else {
    const untied = await inStore(tx, storage, () => untie(tx, id, storage))
    if (untied && storage === 'present') await dropDeltas(tx, id)
  }
  const aliases = await followLines(tx, image)
  await newGeneration(tx, { images: [name], aliases })
  await announce(tx)
}

/** The facilities that have it should hold it no more, and may take its bytes away. */
async function wantNoMore(tx: Transaction, name: string): Promise<void> {
  await tx`
    with gone as (delete from wanted where image = ${name} returning facility)
    update facility set desired_generation = desired_generation + 1
    where name in (select facility from gone)`
}
