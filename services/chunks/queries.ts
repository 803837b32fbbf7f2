import { batchesOf } from '../../lib/batches.ts'
import { blobGone } from '../../lib/chunks/blobs.ts'
import { joinFingerprints } from '../../lib/chunks/fingerprint.ts'
import { joinDigests, splitDigests, type Digest } from '../../lib/content/digest.ts'
import type { PackEntry } from '../../lib/chunks/pack.ts'
import type { ChunkIndex, Place } from '../../lib/chunks/places.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { enterWithOthers } from '../storage/gate.ts'

/** So many of the chunks of an image go into one statement: what it is given is copied several times on its way, as text. */
export const digestsAtOnce = 8192

/**
 * Digests as rows (digest, position), from one parameter of 32 bytes each. What goes with a digest is taken from an array by its
 * position: a join of two such lists is planned as if they were short, and takes the square of their length.
 */
export const unpacked = (sql: Sql | Transaction, joined: Buffer) => sql`
  (select substring(${joined}::bytea from i * 32 + 1 for 32) as digest, i as position
   from generate_series(0, ${joined.length / 32 - 1}::int) as i) as asked`

/**
 * Whether the row of `chunk` is one of them, found by the index whatever the planner believes of the length of the list: joined
 * with rows of unknown count, the whole table is read again for each run of an upload.
 */
export const isAmong = (sql: Sql | Transaction, joined: Buffer) => sql`
  chunk.digest = any(array(
    select substring(${joined}::bytea from i * 32 + 1 for 32)
    from generate_series(0, ${joined.length / 32 - 1}::int) as i))`

/** Whether the row of `chunk` lies where it is damaged: it counts as absent then. */
const isDamaged = (sql: Sql | Transaction) => sql`
  exists (select from damage where damage.digest = chunk.digest and damage.pack = chunk.pack)`

/** The index of the portal's packs, in Postgres. */
export function chunkIndex(sql: Sql): ChunkIndex {
  return {
    absent: (digests) => absent(sql, digests),
    locate: (digests) => locate(sql, digests),
    record: (pack, sizeBytes, entries) =>
      sql.begin((tx) => record(tx, pack, sizeBytes, entries)).then(() => undefined),
    remove: async (digests) => {
      await sql`delete from chunk where ${isAmong(sql, joinDigests(digests))}`
    },
  }
}

export async function absent(
  sql: Sql | Transaction,
  digests: readonly Digest[],
): Promise<Digest[]> {
  const here = new Set<Digest>()
  for (const some of batchesOf(digests, digestsAtOnce)) {
    // Joined there: a row each takes some 350 bytes.
    const [row] = await sql<{ present: Buffer | null }[]>`
      select string_agg(digest, ''::bytea) as present from chunk
      where ${isAmong(sql, joinDigests(some))} and not ${isDamaged(sql)}`
    for (const digest of splitDigests(row?.present ?? Buffer.alloc(0))) here.add(digest)
  }
  return [...new Set(digests)].filter((digest) => !here.has(digest))
}

/** Brings back those that are condemned; from then on they stay as long as something needs them. Answers how many there were. */
export async function revive(tx: Transaction, joined: Buffer): Promise<number> {
  const { count } = await tx`
    update chunk set live = true, condemn_time = null from (
      select id from chunk where ${isAmong(tx, joined)} and not live
      order by digest for update) as dead
    where chunk.id = dead.id`
  return count
}

/** Ties a manifest to chunks that are there: nothing takes them away from then on. */
export async function tieChunks(
  tx: Transaction,
  manifest: bigint,
  digests: readonly Digest[],
): Promise<void> {
  for (const some of batchesOf(digests, digestsAtOnce)) {
    await tx`
      insert into manifest_chunk (manifest, chunk)
      select ${manifest}, chunk.id
      from ${unpacked(tx, joinDigests(some))} join chunk on chunk.digest = asked.digest
      on conflict do nothing`
  }
}

/** What the chunks are recognised by, one after another; zeros where nobody took it, or the chunk is not there. */
export async function fingerprints(sql: Sql, digests: readonly Digest[]): Promise<Buffer> {
  if (digests.length === 0) return Buffer.alloc(0)
  const rows = await sql<{ digest: Buffer; fingerprint: Buffer }[]>`
    select digest, fingerprint from chunk
    where ${isAmong(sql, joinDigests(digests))} and fingerprint is not null
      and not ${isDamaged(sql)}`
  const found = new Map(
    rows.map(({ digest, fingerprint }) => [digest.toString('hex'), fingerprint]),
  )
  return joinFingerprints(digests.map((digest) => found.get(digest)))
}

const noFingerprint = joinFingerprints([undefined])

interface PlaceRow {
  digest: Digest
  key: string
  position: bigint
  storedBytes: number
  rawBytes: number
  codec: number
  fingerprint: Buffer | null
}

async function locate(sql: Sql, digests: readonly Digest[]): Promise<ReadonlyMap<Digest, Place>> {
  if (digests.length === 0) return new Map()
  const rows = await sql<PlaceRow[]>`
    select encode(chunk.digest, 'hex') as digest, pack.key, chunk.position, stored_bytes, raw_bytes, codec, fingerprint
    from chunk join pack on pack.id = chunk.pack
    where ${isAmong(sql, joinDigests(digests))} and not ${isDamaged(sql)}`
  return new Map(
    rows.map((row) => [
      row.digest,
      {
        pack: row.key,
        offset: Number(row.position),
        storedBytes: row.storedBytes,
        rawBytes: row.rawBytes,
        codec: row.codec === 0 ? 'raw' : 'zstd',
        fingerprint: row.fingerprint ?? undefined,
      },
    ]),
  )
}

async function record(
  tx: Transaction,
  key: string,
  sizeBytes: number,
  entries: readonly PackEntry[],
): Promise<void> {
  await enterWithOthers(tx)
  const [doomed] = await tx`select from doomed_pack where key = ${key}`
  if (doomed !== undefined) throw blobGone(key)
  await tx`
    insert into pack (key, size_bytes) values (${key}, ${sizeBytes}) on conflict do nothing`
  const digests = joinDigests(entries.map(({ digest }) => digest))
  const fingerprinted = joinFingerprints(entries.map(({ fingerprint }) => fingerprint))
  const numbers = (of: (entry: PackEntry) => number) => entries.map(of)
  // In the order of digests, so that two packs with the same chunks cannot lock each other out.
  await tx`
    insert into chunk (digest, pack, position, stored_bytes, raw_bytes, codec, fingerprint)
    select asked.digest, pack.id,
      (${numbers(({ offset }) => offset)}::bigint[])[asked.position + 1],
      (${numbers(({ storedBytes }) => storedBytes)}::int[])[asked.position + 1],
      (${numbers(({ rawBytes }) => rawBytes)}::int[])[asked.position + 1],
      (${numbers(({ codec }) => (codec === 'raw' ? 0 : 1))}::smallint[])[asked.position + 1],
      nullif(substring(${fingerprinted}::bytea from asked.position * 32 + 1 for 32), ${noFingerprint})
    from ${unpacked(tx, digests)}
    join pack on pack.key = ${key}
    order by asked.digest
    on conflict (digest) do update set pack = excluded.pack, position = excluded.position,
      stored_bytes = excluded.stored_bytes, raw_bytes = excluded.raw_bytes, codec = excluded.codec,
      fingerprint = excluded.fingerprint
    where ${isDamaged(tx)}`
}
