import { conflict, missing, type Failure } from '../../lib/failure.ts'
import { shown } from '../../lib/names/name.ts'
import { parseRecipeName, renderRecipeName } from '../../lib/recipes/name.ts'
import type { Source } from '../../proto/gen/merge/image/v1/source.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { findSource, lockSource, type SourceRow } from './queries.ts'
import { renderSource } from './render.ts'
import { lastScans } from './scans.ts'

/** The name of a source, which is written as that of a recipe. */
export function nameOf(text: string): string {
  return renderRecipeName(parseRecipeName(text))
}

/** A source with its last scan, or SOURCE_NOT_FOUND. */
export async function withScan(sql: Sql | Transaction, name: string): Promise<Source> {
  const row = await findSource(sql, name)
  if (row === undefined) throw noSource(name)
  return renderSource(row, (await lastScans(sql, [name])).get(name))
}

/** A source, locked until the transaction ends. */
export async function lockNamed(tx: Transaction, name: string, etag = ''): Promise<SourceRow> {
  const row = await lockSource(tx, name)
  if (row === undefined) throw noSource(name)
  demandEtag(row, etag)
  return row
}

export function demandEtag({ name, revision }: SourceRow, etag: string): void {
  if (etag !== '' && etag !== String(revision)) throw stale(name)
}

export function stale(name: string): Failure {
  const text = `The source ${name} changed since you read it: read it again and decide anew.`
  return conflict('ETAG_MISMATCH', text, { name })
}

export function noSource(name: string): Failure {
  const text = `There is no source "${shown(name)}"; "mrg-image list sources" shows those that there are.`
  return missing('SOURCE_NOT_FOUND', text, { name })
}
