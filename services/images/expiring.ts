import type { ImageName } from '../../lib/names/name.ts'
import { followLines } from '../aliases/follow.ts'
import { announce } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { newGeneration } from '../generation.ts'
import { setStorage, type Change } from './queries.ts'

/**
 * Lets the bytes of an image go. Its row, its manifest's row and its history stay: its name says for ever what it was. What comes free is
 * condemned by the collector's next cycle. The caller has locked its family (family.ts) and knows that nothing needs it (needs/guard.ts).
 */
export async function expireImage(
  tx: Transaction,
  { name, image }: { readonly name: string; readonly image: ImageName },
  by: Change,
): Promise<void> {
  // Whoever commits the same content holds this row or waits for it; what they committed is seen by the statements after it.
  const [row] = await tx<{ manifest: bigint }[]>`
    select id as manifest from manifest
    where id = (select manifest from image where name = ${name}) for update`
  if (row === undefined) throw new Error(`${name} has no manifest`)
  await setStorage(tx, name, 'expired', by)
  await letChunksGo(tx, row.manifest)
  await tx`delete from delta_wanted where image = ${name}`
  await unwant(tx, name)
  const aliases = await followLines(tx, image)
  await newGeneration(tx, { images: [name], aliases })
  await announce(tx)
}

/** What a manifest names is let go where no image is there any more that has it. */
async function letChunksGo(tx: Transaction, manifest: bigint): Promise<void> {
  const isNowhere = (storage: 'present' | 'archived') => tx`not exists (
    select from image where image.manifest = ${manifest} and storage = ${storage} and not custom)`
  await tx`delete from manifest_chunk where manifest = ${manifest} and ${isNowhere('present')}`
  await tx`
    delete from archive.manifest_chunk where manifest = ${manifest} and ${isNowhere('archived')}`
  await tx`
    delete from delta where (target = ${manifest} or base = ${manifest}) and ${isNowhere('present')}`
}

/** No facility should hold it any more. */
async function unwant(tx: Transaction, name: string): Promise<void> {
  await tx`
    with gone as (delete from wanted where image = ${name} returning facility)
    update facility set desired_generation = desired_generation + 1
    where name in (select facility from gone)`
}
