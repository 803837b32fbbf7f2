import { missing, type Failure } from '../../lib/failure.ts'
import { renderAliasName, type AliasName } from '../../lib/names/name.ts'
import type { Transaction } from '../db/open.ts'
import { staleEtag } from '../images/found.ts'
import { findAlias, lockAlias, makeAlias, type AliasRow, type DeletedRow } from './queries.ts'

/** Locks an alias, be it there or about to be made; with an etag, only if it is there and has it. */
export async function lockOrMake(tx: Transaction, alias: AliasName, etag: string): Promise<void> {
  const name = renderAliasName(alias)
  const row = (await lockAlias(tx, name)) ?? (await lockMade(tx, name, alias.namespace))
  if (etag !== '' && (row?.image === null || etag !== String(row?.version))) throw stale(name)
}

async function lockMade(tx: Transaction, name: string, namespace: string) {
  await makeAlias(tx, name, namespace === '' ? null : namespace)
  return lockAlias(tx, name)
}

/** Locks an alias that is there and, if an etag is given, has it. */
export async function lockExisting(tx: Transaction, name: string, etag: string): Promise<AliasRow> {
  return demandEtag(demandAlias(await lockAlias(tx, name), name), etag)
}

/**
 * Locks an alias and, before it, what its row leads to, as the order of locks has it. What that is, is read without a lock;
 * if it is something else once the row is locked, all locks are let go and it begins again.
 */
export async function lockBehind(
  tx: Transaction,
  { alias: name, etag }: { readonly alias: string; readonly etag: string },
  lead: (tx: Transaction, alias: AliasRow) => Promise<string>,
  lock: (tx: Transaction, led: string) => Promise<void>,
): Promise<{ readonly alias: AliasRow; readonly led: string }> {
  const moved = new Error('the alias moved meanwhile')
  for (;;) {
    const led = await lead(tx, demandEtag(demandAlias(await findAlias(tx, name), name), etag))
    try {
      return await tx.savepoint(async (part) => {
        await lock(part, led)
        const alias = await lockExisting(part, name, etag)
        if ((await lead(part, alias)) !== led) throw moved
        return { alias, led }
      })
    } catch (error) {
      if (error !== moved) throw error
    }
  }
}

/** The alias if it is there, or ALIAS_NOT_FOUND. */
export function demandAlias(row: AliasRow | DeletedRow | undefined, name: string): AliasRow {
  if (row === undefined) throw noAlias(name)
  if (row.image !== null) return row
  const text = `The alias ${name} was deleted by ${row.actor}; "mrg-image history ${name}" shows where it pointed.`
  throw missing('ALIAS_NOT_FOUND', text, { alias: name })
}

export function noAlias(name: string): Failure {
  const text = `There is no alias ${name}; "mrg-image list aliases" shows those that there are.`
  return missing('ALIAS_NOT_FOUND', text, { alias: name })
}

function demandEtag(row: AliasRow, etag: string): AliasRow {
  if (etag === '' || etag === String(row.version)) return row
  throw stale(row.name)
}

function stale(name: string): Failure {
  return staleEtag(`The alias ${name}`)
}
