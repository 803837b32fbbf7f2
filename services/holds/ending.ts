import { denied, invalid, missing, type Failure } from '../../lib/failure.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { ReleaseHoldsRequest } from '../../proto/gen/merge/image/v1/hold.ts'
import type { Transaction } from '../db/open.ts'
import { findHold, type Ending, type HoldRow } from './queries.ts'

/** Which holds a request means, of those that the caller may end. */
export async function parseEnding(
  tx: Transaction,
  { which }: ReleaseHoldsRequest,
  caller: Caller,
): Promise<Ending> {
  if (which === undefined || which.value === '') {
    const field = which?.$case ?? 'hold'
    const text = 'Say which holds to release: one by its id, or those of a link or a lock.'
    throw invalid('INVALID_FIELD', text, { field })
  }
  if (which.$case === 'hold') {
    const { id } = demandOwn(await findHold(tx, which.value.toUpperCase()), which.value, caller)
    return { by: 'hold', value: id, owner: undefined }
  }
  const owner = caller.role.kind === 'admin' ? undefined : caller.name
  return { by: which.$case, value: which.value, owner }
}

/** A hold is its owner's, and the admins'. */
export function demandOwn(row: HoldRow | undefined, id: string, { name, role }: Caller): HoldRow {
  if (row === undefined) throw noHold(id)
  if (row.owner === name || role.kind === 'admin') return row
  const text = `The hold ${row.id} is ${row.owner}'s, who can renew and release it, and so can portal admins.`
  throw denied('NOT_ALLOWED', text, { hold: row.id, owner: row.owner })
}

function noHold(id: string): Failure {
  const shown = id.slice(0, 40)
  const text = `There is no hold "${shown}"; "mrg-image list holds" shows them.`
  return missing('HOLD_NOT_FOUND', text, { hold: shown })
}
