import { precondition, type Failure } from '../../lib/failure.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Transaction } from '../db/open.ts'
import { noImage } from '../images/found.ts'
import { mayHave } from '../images/custom.ts'
import { demandOwn } from './ending.ts'
import {
  findHold,
  insertHolds,
  lockHold,
  lockHoldable,
  type HoldableRow,
  type HoldRow,
} from './queries.ts'
import { isActive } from './render.ts'
import type { Terms } from './terms.ts'

/** Places the holds that somebody asks for, or none; answers them in the order asked. */
export async function holdImages(
  tx: Transaction,
  { now, newUlid }: { readonly now: () => Date; readonly newUlid: () => string },
  { images, ...terms }: Terms,
  caller: Caller,
): Promise<readonly HoldRow[]> {
  const found = await lockHoldable(tx, images)
  for (const name of images) {
    const failure = whyUnholdable(name, found.get(name), caller)
    if (failure !== undefined) throw failure
  }
  const holds = { ...terms, owner: caller.name, lock: null, createTime: now() }
  const held = images.map((image) => ({ id: newUlid(), image }))
  await insertHolds(tx, holds, held)
  return held.map((one) => ({ ...holds, ...one, releaseTime: null }))
}

/** The caller's hold while it counts, which it does until the transaction ends: its image is locked as for a new one. */
export async function lockOwn(
  tx: Transaction,
  text: string,
  caller: Caller,
  now: Date,
): Promise<HoldRow> {
  const { id, image } = demandOwn(await findHold(tx, text.toUpperCase()), text, caller)
  const images = await lockHoldable(tx, [image])
  const row = demandOwn(await lockHold(tx, id), id, caller)
  if (isActive(row, now) && images.get(image)?.storage !== 'expired') return row
  const did = row.releaseTime === null ? 'lapsed' : 'was released'
  throw precondition('HOLD_ENDED', `The hold ${id} ${did}: hold ${image} anew.`, { hold: id })
}

function whyUnholdable(
  name: string,
  row: HoldableRow | undefined,
  caller: Caller,
): Failure | undefined {
  if (row === undefined || !mayHave(row, caller)) return noImage(name)
  if (row.storage !== 'expired') return undefined
  return precondition('EXPIRED', `${name} has expired, and there is nothing to hold.`, { name })
}
