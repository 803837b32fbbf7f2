import { conflict, missing, type Failure } from '../../lib/failure.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { findImage } from './queries.ts'
import { renderImage } from './render.ts'

/** The image as it is sent, or NOT_FOUND. */
export async function getImage(sql: Sql | Transaction, name: string) {
  const row = await findImage(sql, name)
  if (row === undefined) throw noImage(name)
  const { catalogue } = await readCatalogue(sql)
  return renderImage(row, catalogue)
}

export function noImage(name: string): Failure {
  return missing(
    'NOT_FOUND',
    `There is no image ${name}; "mrg-image list" shows those that there are.`,
    { name },
  )
}

export function staleEtag(name: string): Failure {
  return conflict(
    'ETAG_MISMATCH',
    `${name} changed since you read it: read it again and decide anew.`,
    { name },
  )
}
