import { allNeeds } from '../../lib/retention/needs.ts'
import type { Need } from '../../lib/retention/world.ts'
import type { Transaction } from '../db/open.ts'
import { readWorldOf } from './world.ts'

/**
 * What keeps an image from being archived or expired. The caller has locked its family (services/images/family.ts), so nothing is added to
 * this until the transaction ends. A facility's own image whose time has passed is not kept by being the newest of its line.
 */
export async function needsOf(tx: Transaction, name: string, now: Date): Promise<readonly Need[]> {
  const world = await readWorldOf(tx, now, name)
  const isOver = world.images.some(
    (image) => image.name === name && image.expires !== undefined && image.expires <= now,
  )
  const needs = allNeeds(world).get(name) ?? []
  return isOver ? needs.filter(({ kind }) => kind !== 'line') : needs
}
