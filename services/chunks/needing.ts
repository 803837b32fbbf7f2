import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import type { Sql } from '../db/open.ts'
import { unpacked } from './queries.ts'

/** The names of the images in this store that need any of these chunks, in their order. */
export async function imagesNeeding(
  sql: Sql,
  digests: readonly Digest[],
  storage: 'present' | 'archived',
): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select distinct image.name from ${unpacked(sql, joinDigests(digests))}
    join chunk on chunk.digest = asked.digest
    join manifest_chunk on manifest_chunk.chunk = chunk.id
    join image on image.manifest = manifest_chunk.manifest
    where image.storage = ${storage} and not image.custom order by image.name`
  return rows.map(({ name }) => name)
}
