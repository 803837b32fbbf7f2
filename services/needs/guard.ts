import { allNeeds } from '../../lib/retention/needs.ts'
import type { Need } from '../../lib/retention/world.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { readWorldOf } from './world.ts'

/**
 * What keeps an image from being archived or expired. Who is about to do that has locked its family (services/images/family.ts), so
 * nothing is added to this until the transaction ends.
 */
export async function needsOf(
  sql: Sql | Transaction,
  name: string,
  now: Date,
): Promise<readonly Need[]> {
  return allNeeds(await readWorldOf(sql, now, name)).get(name) ?? []
}
