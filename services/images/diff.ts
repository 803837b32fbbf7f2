import type { DiffImagesResponse } from '../../proto/gen/merge/image/v1/image.ts'
import type { Sql } from '../db/open.ts'
import { haveLists, packageChanges, sumChunks } from './diffing.ts'

/** What the chunks and packages of two images have in common. */
export async function compareImages(
  sql: Sql,
  from: string,
  to: string,
): Promise<Omit<DiffImagesResponse, 'from' | 'to'>> {
  const [chunks, packagesKnown] = await Promise.all([
    sumChunks(sql, from, to),
    haveLists(sql, from, to),
  ])
  const packages = packagesKnown ? await packageChanges(sql, from, to) : []
  return { ...chunks, packagesKnown, packages: packages.toSorted(byName) }
}

function byName(a: { readonly package: string }, b: { readonly package: string }): number {
  return a.package < b.package ? -1 : 1
}
