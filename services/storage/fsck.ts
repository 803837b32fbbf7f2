import type { PackEntry } from '../../lib/chunks/pack.ts'
import { joinDigests, splitDigests, type Digest } from '../../lib/content/digest.ts'
import { corrupt, errorCode, type Failure } from '../../lib/failure.ts'
import type { NamedManifest, Side } from '../../lib/fsck/side.ts'
import { unpacked } from '../chunks/queries.ts'
import type { Sql } from '../db/open.ts'
import { deltaKeys } from '../deltas/queries.ts'
import { readManifest } from '../uploads/manifests.ts'

/** What a check of a store asks its database, beside what the index answers. */
export function sideOf(
  sql: Sql,
  storage: 'present' | 'archived',
): Pick<Side, 'manifests' | 'correct' | 'unguarded' | 'guard'> {
  return {
    manifests: () => manifests(sql, storage),
    correct: (pack, entries) => correct(sql, pack, entries),
    unguarded: (manifest, chunks) => unguarded(sql, manifest, chunks),
    guard: (manifest, chunks) => guard(sql, manifest, chunks),
  }
}

/** The objects beside the portal's packs; the archive has none. */
export function deltasOf(sql: Sql): NonNullable<Side['deltas']> {
  return {
    keys: () => deltaKeys(sql),
    leaving: async () => {
      const rows = await sql<{ key: string }[]>`
        select key from doomed_pack where delete_time is null and key like 'deltas/%'`
      return new Set(rows.map(({ key }) => key))
    },
    forget: (key) => forgetDelta(sql, key),
  }
}

async function* manifests(
  sql: Sql,
  storage: 'present' | 'archived',
): AsyncGenerator<NamedManifest> {
  const rows = await sql<{ digest: Buffer; images: string[] }[]>`
    select manifest.digest, array_agg(image.name order by image.name) as images
    from manifest join image on image.manifest = manifest.id
    where image.storage = ${storage} and not image.custom
    group by manifest.id, manifest.digest order by manifest.id`
  for (const row of rows) {
    const [digest] = splitDigests(row.digest)
    if (digest !== undefined)
      yield { digest, images: row.images, bytes: await bytesOf(sql, digest) }
  }
}

/** A body that does not decompress is damage, as one of other bytes is. */
async function bytesOf(sql: Sql, digest: Digest): Promise<Uint8Array | Failure> {
  const readable = await sql`select from manifest where digest = ${joinDigests([digest])}`
  if (readable.length === 0) return corrupt('INVALID_MANIFEST', 'it is gone')
  return readManifest(sql, digest).catch((error: unknown) => {
    if (errorCode(error)?.startsWith('ZSTD') === true) {
      return corrupt('INVALID_MANIFEST', 'it does not decompress', {}, error)
    }
    throw error
  })
}

async function correct(sql: Sql, pack: string, entries: readonly PackEntry[]): Promise<void> {
  if (entries.length === 0) return
  const numbers = (of: (entry: PackEntry) => number) => entries.map(of)
  await sql`
    update chunk set
      position = (${numbers(({ offset }) => offset)}::bigint[])[asked.position + 1],
      stored_bytes = (${numbers(({ storedBytes }) => storedBytes)}::int[])[asked.position + 1],
      raw_bytes = (${numbers(({ rawBytes }) => rawBytes)}::int[])[asked.position + 1],
      codec = (${numbers(({ codec }) => (codec === 'raw' ? 0 : 1))}::smallint[])[asked.position + 1],
      fingerprint = null
    from ${unpacked(sql, joinDigests(entries.map(({ digest }) => digest)))}, pack
    where chunk.digest = asked.digest and pack.id = chunk.pack and pack.key = ${pack}`
}

async function unguarded(sql: Sql, manifest: Digest, chunks: readonly Digest[]): Promise<number> {
  if (chunks.length === 0) return 0
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from ${unpacked(sql, joinDigests(chunks))}
    join chunk on chunk.digest = asked.digest
    join manifest on manifest.digest = ${joinDigests([manifest])}
    where not exists (
      select from manifest_chunk
      where manifest_chunk.manifest = manifest.id and manifest_chunk.chunk = chunk.id)`
  return row?.count ?? 0
}

async function guard(sql: Sql, manifest: Digest, chunks: readonly Digest[]): Promise<void> {
  const digests = joinDigests(chunks)
  await sql.begin(async (tx) => {
    await tx`
      update chunk set live = true, condemn_time = null
      from ${unpacked(tx, digests)} where chunk.digest = asked.digest and not live`
    await tx`
      insert into manifest_chunk (manifest, chunk)
      select manifest.id, chunk.id from ${unpacked(tx, digests)}
      join chunk on chunk.digest = asked.digest
      join manifest on manifest.digest = ${joinDigests([manifest])}
      on conflict do nothing`
  })
}

/** Without one of its objects a pair has no deltas. */
async function forgetDelta(sql: Sql, key: string): Promise<void> {
  await sql`
    delete from delta using delta_object as object
    where object.key = ${key} and delta.target = object.target and delta.base = object.base`
}
