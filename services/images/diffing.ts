import { decodeManifest } from '../../lib/content/encoding.ts'
import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import { chunkLengths } from '../../lib/content/manifest.ts'
import type { ChunkSum, PackageChange } from '../../proto/gen/merge/image/v1/image.ts'
import { isAmong } from '../chunks/queries.ts'
import type { Sql } from '../db/open.ts'
import { readManifest } from '../uploads/manifests.ts'

/** What two images have in common, and what each has alone; each chunk counted once. */
export interface ChunkSums {
  readonly shared: ChunkSum
  readonly added: ChunkSum
  readonly removed: ChunkSum
}

interface SumRow extends Omit<ChunkSum, 'unsizedChunks'> {
  readonly older: boolean
  readonly newer: boolean
}

const none: ChunkSum = { chunks: 0n, rawBytes: 0n, storedBytes: 0n, unsizedChunks: 0n }

/** By the lists of chunks in the database, where both images have theirs, or else by their manifests. */
export async function sumChunks(sql: Sql, from: string, to: string): Promise<ChunkSums> {
  const manifests = await sql<{ name: string; digest: Digest; listed: boolean }[]>`
    select name, encode(digest, 'hex') as digest, chunk_count = (
      select count(*) from manifest_chunk where manifest_chunk.manifest = manifest.id) as listed
    from image join manifest on manifest.id = image.manifest where name in (${from}, ${to})`
  if (manifests.every(({ listed }) => listed)) return sumListed(sql, from, to)
  const lengthsOf = async (image: string) => {
    const digest = manifests.find(({ name }) => name === image)?.digest
    if (digest === undefined) return new Map<Digest, number>()
    return chunkLengths(decodeManifest(await readManifest(sql, digest)))
  }
  const [older, newer] = [await lengthsOf(from), await lengthsOf(to)]
  return sumWritten(older, newer, await storedSizes(sql, [...older.keys(), ...newer.keys()]))
}

async function sumListed(sql: Sql, from: string, to: string): Promise<ChunkSums> {
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
      : { ...none, chunks: row.chunks, rawBytes: row.rawBytes, storedBytes: row.storedBytes }
  }
  return { shared: sum(true, true), added: sum(false, true), removed: sum(true, false) }
}

type Sizes = ReadonlyMap<Digest, number>

/** The bytes that chunks take at the portal, of those that it has. */
async function storedSizes(sql: Sql, digests: readonly Digest[]): Promise<Sizes> {
  const rows = await sql<{ digest: Digest; storedBytes: number }[]>`
    select encode(digest, 'hex') as digest, stored_bytes from chunk
    where ${isAmong(sql, joinDigests(digests))}`
  return new Map(rows.map(({ digest, storedBytes }) => [digest, storedBytes]))
}

/** By what manifests say, which is not how much chunks take where they are stored. */
function sumWritten(older: Sizes, newer: Sizes, stored: Sizes): ChunkSums {
  const sum = (chunks: Sizes, isOne: (digest: Digest) => boolean): ChunkSum => {
    let [count, raw, packed, unsized] = [0, 0, 0, 0]
    for (const [digest, length] of chunks) {
      if (!isOne(digest)) continue
      count++
      raw += length
      packed += stored.get(digest) ?? 0
      unsized += stored.has(digest) ? 0 : 1
    }
    const [rawBytes, storedBytes] = [BigInt(raw), BigInt(packed)]
    return { chunks: BigInt(count), rawBytes, storedBytes, unsizedChunks: BigInt(unsized) }
  }
  return {
    shared: sum(newer, (digest) => older.has(digest)),
    added: sum(newer, (digest) => !older.has(digest)),
    removed: sum(older, (digest) => !newer.has(digest)),
  }
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
