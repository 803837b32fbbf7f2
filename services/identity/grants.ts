import { invalid } from '../../lib/failure.ts'
import type { Transaction } from '../db/open.ts'
import { givenRole, type RoleText } from './roles.ts'

/** What is asked of a claim, and what comes of it. */
export interface AskedGrant {
  readonly claim: string
  readonly value: string
  readonly role: RoleText
}

/** The grant, or INVALID_FIELD. */
export async function parseGrant(
  tx: Transaction,
  { claim, value, role }: AskedGrant,
): Promise<AskedGrant> {
  demand('claim', claim, /^[\x21-\x7e]{1,64}$/, '1 to 64 printable characters without blanks')
  demand('value', value, /^[^\p{Cc}]{1,256}$/u, '1 to 256 characters')
  return { claim, value, role: await givenRole(tx, role) }
}

function demand(field: string, value: string, shape: RegExp, rule: string): void {
  if (shape.test(value)) return
  throw invalid('INVALID_FIELD', `${field} has to be ${rule}.`, { field })
}
