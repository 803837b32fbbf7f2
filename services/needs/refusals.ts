import { precondition, type Failure } from '../../lib/failure.ts'
import type { ImageName } from '../../lib/names/name.ts'
import { matcher } from '../../lib/names/pattern.ts'
import type { Need } from '../../lib/retention/world.ts'
import type { Transaction } from '../db/open.ts'
import { toPolicy } from '../retention/policy.ts'
import { readPolicies } from '../retention/queries.ts'
import { needsOf } from './guard.ts'

/** What may not go, by name and read. */
export interface Guarded {
  readonly name: string
  readonly image: ImageName
}

/** Why an image may not expire; undefined if nothing needs it. The caller has locked its family. */
export async function whyKept(
  tx: Transaction,
  { name }: Guarded,
  now: Date,
): Promise<Failure | undefined> {
  return refusalOf(name, await needsOf(tx, name, now))
}

/** Why an image may not be archived: as for expiry, but that a hold does not count where the policy of its line says so. */
export async function whyNotArchived(
  tx: Transaction,
  { name, image }: Guarded,
  now: Date,
): Promise<Failure | undefined> {
  const needs = await needsOf(tx, name, now)
  const held = needs.some(({ kind }) => kind === 'hold') && (await archivesHeld(tx, image))
  return refusalOf(name, held ? needs.filter(({ kind }) => kind !== 'hold') : needs)
}

function refusalOf(name: string, needs: readonly Need[]): Failure | undefined {
  const [first, ...more] = needs.map(({ message }) => message)
  if (first === undefined) return undefined
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  const holders = [first, ...more].join('; ')
  return precondition('NEEDED', `${name} is needed: ${first}${others}.`, { holders })
}

async function archivesHeld(tx: Transaction, image: ImageName): Promise<boolean> {
  const policies = (await readPolicies(tx)).map(toPolicy)
  return matcher(policies)(image)?.archiveHeld === true
}
