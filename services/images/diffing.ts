import type { ChunkSum, PackageChange } from '../../proto/gen/merge/image/v1/image.ts'
import type { Sql } from '../db/open.ts'

/** What two images have in common, and what each has alone; each chunk counted once. */
export interface ChunkSums {
  readonly shared: ChunkSum
  readonly added: ChunkSum
  readonly removed: ChunkSum
}

interface SumRow extends ChunkSum {
  readonly older: boolean
  readonly newer: boolean
}

const none: ChunkSum = { chunks: 0n, rawBytes: 0n, storedBytes: 0n }

export async function sumChunks(sql: Sql, from: string, to: string): Promise<ChunkSums> {
  const chunksOf = (image: string) => sql`
    (select chunk from manifest_chunk join image using (manifest) where image.name = ${image})`
  const rows = await sql<SumRow[]>`
    select older.chunk is not null as older, newer.chunk is not null as newer,
      count(*) as chunks, sum(raw_bytes)::bigint as raw_bytes, sum(stored_bytes)::bigint as stored_bytes
    from ${chunksOf(from)} as older full join ${chunksOf(to)} as newer using (chunk)
    join chunk on chunk.id = chunk
    group by 1, 2`
  const sum = (older: boolean, newer: boolean): ChunkSum => {
    const row = rows.find((one) => one.older === older && one.newer === newer)
    return row === undefined
      ? none
      : { chunks: row.chunks, rawBytes: row.rawBytes, storedBytes: row.storedBytes }
  }
  return { shared: sum(true, true), added: sum(false, true), removed: sum(true, false) }
}

/** Whether both images have a list of packages. */
export async function haveLists(sql: Sql, from: string, to: string): Promise<boolean> {
  const [row] = await sql<{ both: boolean }[]>`
    select exists (select from image_package where image = ${from})
      and exists (select from image_package where image = ${to}) as both`
  return row?.both === true
}

/** The packages that two images do not have in the same version, in no order. */
export async function packageChanges(
  sql: Sql,
  from: string,
  to: string,
): Promise<readonly PackageChange[]> {
  const packagesOf = (image: string) => sql`
    (select name, version from image_package where image = ${image})`
  return sql<PackageChange[]>`
    select name as package, coalesce(older.version, '') as from_version,
      coalesce(newer.version, '') as to_version
    from ${packagesOf(from)} as older full join ${packagesOf(to)} as newer using (name)
    where older.version is distinct from newer.version`
}
