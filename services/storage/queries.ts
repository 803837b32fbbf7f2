import type { BlobStat } from '../../lib/chunks/blobs.ts'
import type { CollectableIndex, PackUse, Tally } from '../../lib/chunks/collectable.ts'
import { codecNumber, codecOf } from '../../lib/chunks/entry.ts'
import type { PackEntry } from '../../lib/chunks/pack.ts'
import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import { internal } from '../../lib/failure.ts'
import { unpacked } from '../chunks/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { alone } from './gate.ts'

/** Rows that one transaction takes away: some 20 ms. */
const atOnce = 2000

const milliseconds = (sql: Sql | Transaction, ms: number) =>
  sql`${ms}::float8 * interval '1 millisecond'`

/** What may be collected of the portal's chunks. */
export function collectableIndex(sql: Sql, takeRevived: () => number): CollectableIndex {
  return {
    condemn: (graceMs, rehearse) => condemn(sql, graceMs, rehearse),
    doom: (undeleteMs, rehearse) =>
      rehearse ? countOld(sql, undeleteMs) : doom(sql, undeleteMs, { chunks: 0, bytes: 0 }),
    takeRevived,
    packUse: (undeleteMs) => packUse(sql, undeleteMs),
    contents: (pack) => contents(sql, pack),
    replace: (packs, by, entries) => alone(sql, (tx) => replace(tx, packs, by, entries)),
    doomPacks: async (packs) => {
      if (packs.length > 0) await alone(sql, (tx) => doomEmpty(tx, packs))
    },
    doomedPacks: async () =>
      (
        await sql<SizeRow[]>`
        select key, size_bytes from doomed_pack where delete_time is null order by key`
      ).map(statOf),
    deleted: async (pack) => {
      await sql`update doomed_pack set delete_time = now() where key = ${pack}`
    },
    unrecorded: async (keys) =>
      (
        await sql<{ key: string }[]>`
        select key from unnest(${keys}::text[]) as asked (key)
        where not exists (select from pack where pack.key = asked.key)
          and not exists (select from doomed_pack where doomed_pack.key = asked.key)`
      ).map(({ key }) => key),
    claim: (orphan) => alone(sql, (tx) => claim(tx, orphan)),
  }
}

/** Uploads whose lease has run out end, and those that have ended need nothing. */
export async function lapseUploads(sql: Sql): Promise<void> {
  await sql`update upload set state = 'lapsed' where state = 'open' and expire_time < now()`
  await sql`
    delete from lease
    where not exists (select from upload where upload.id = lease.upload and upload.state = 'open')`
}

/** The look at the whole table takes nothing away and locks nothing; what it finds is looked at again, alone. */
async function condemn(sql: Sql, graceMs: number, rehearse: boolean): Promise<Tally> {
  let [chunks, bytes, last] = [0, 0, 0n]
  for (;;) {
    const found = await sql<{ id: bigint; storedBytes: number }[]>`
      select id, stored_bytes from chunk
      where id > ${last} and live and create_time <= now() - ${milliseconds(sql, graceMs)}
        and not exists (select from manifest_chunk where manifest_chunk.chunk = chunk.id)
        and not exists (
          select from lease join upload on upload.id = lease.upload
          where lease.digest = chunk.digest and upload.state = 'open' and expire_time > now())
      order by id limit ${atOnce}`
    const ids = found.map(({ id }) => id)
    const gone = rehearse ? found : await alone(sql, (tx) => condemnThese(tx, ids))
    chunks += gone.length
    bytes += sumOf(gone)
    const end = ids.at(-1)
    if (end === undefined || ids.length < atOnce) return { chunks, bytes }
    last = end
  }
}

async function condemnThese(
  tx: Transaction,
  ids: readonly bigint[],
): Promise<{ storedBytes: number }[]> {
  if (ids.length === 0) return []
  const list = ids.map(String)
  await tx`select from chunk where id = any (${list}::bigint[]) order by digest for update`
  return tx<{ storedBytes: number }[]>`
    update chunk set live = false, condemn_time = now()
    where id = any (${list}::bigint[]) and live
      and not exists (select from manifest_chunk where manifest_chunk.chunk = chunk.id)
      and not exists (select from lease where lease.digest = chunk.digest)
    returning stored_bytes`
}

async function countOld(sql: Sql, undeleteMs: number): Promise<Tally> {
  const [row] = await sql<{ chunks: number; bytes: number }[]>`
    select count(*)::float8 as chunks, coalesce(sum(stored_bytes), 0)::float8 as bytes from chunk
    where not live and condemn_time <= now() - ${milliseconds(sql, undeleteMs)}`
  return { chunks: row?.chunks ?? 0, bytes: row?.bytes ?? 0 }
}

async function doom(sql: Sql, undeleteMs: number, before: Tally): Promise<Tally> {
  const gone = await alone(sql, async (tx) => {
    const old = await tx<{ id: bigint }[]>`
      select id from chunk
      where not live and condemn_time <= now() - ${milliseconds(tx, undeleteMs)}
        and not exists (select from lease where lease.digest = chunk.digest)
      order by condemn_time limit ${atOnce} for update`
    if (old.length === 0) return []
    return tx<{ storedBytes: number }[]>`
      delete from chunk where id = any (${old.map(({ id }) => String(id))}::bigint[]) and not live
      returning stored_bytes`
  })
  const sum = { chunks: before.chunks + gone.length, bytes: before.bytes + sumOf(gone) }
  return gone.length < atOnce ? sum : doom(sql, undeleteMs, sum)
}

async function packUse(sql: Sql, undeleteMs: number): Promise<PackUse[]> {
  const rows = await sql<(SizeRow & { chunks: number; chunkBytes: number })[]>`
    select key, size_bytes, coalesce(chunks, 0)::float8 as chunks,
      coalesce(chunk_bytes, 0)::float8 as chunk_bytes
    from pack left join (
      select pack, count(*) as chunks, sum(stored_bytes) as chunk_bytes from chunk
      where live or condemn_time > now() - ${milliseconds(sql, undeleteMs)} group by pack
    ) as used on used.pack = pack.id
    order by pack.id`
  return rows.map((row) => ({ ...statOf(row), chunks: row.chunks, chunkBytes: row.chunkBytes }))
}

interface ChunkRow {
  digest: Buffer
  position: bigint
  storedBytes: number
  rawBytes: number
  codec: number
}

async function contents(sql: Sql, pack: string): Promise<PackEntry[]> {
  const rows = await sql<ChunkRow[]>`
    select digest, position, stored_bytes, raw_bytes, codec
    from chunk join pack on pack.id = chunk.pack where pack.key = ${pack} order by position`
  return rows.map(({ digest, position, storedBytes, rawBytes, codec: number }) => {
    const codec = codecOf(number)
    if (codec === undefined) throw internal('INTERNAL', `a chunk has the codec ${number}`)
    const name = digest.toString('hex') as Digest
    return { digest: name, codec, offset: Number(position), storedBytes, rawBytes }
  })
}

async function replace(
  tx: Transaction,
  packs: readonly string[],
  { key, sizeBytes }: BlobStat,
  entries: readonly PackEntry[],
): Promise<void> {
  const [made] = await tx<{ id: bigint }[]>`
    insert into pack (key, size_bytes) values (${key}, ${sizeBytes}) returning id`
  if (made === undefined) throw internal('INTERNAL', `pack ${key} was written and is not there`)
  const digests = joinDigests(entries.map(({ digest }) => digest))
  const storedBytes = entries.map((entry) => entry.storedBytes)
  const codecs = entries.map(({ codec }) => codecNumber(codec))
  // A fingerprint is of the stored bytes: in another form the chunk has none that is known.
  await tx`
    update chunk set pack = ${made.id},
      position = (${entries.map(({ offset }) => offset)}::bigint[])[asked.position + 1],
      stored_bytes = (${storedBytes}::int[])[asked.position + 1],
      codec = (${codecs}::smallint[])[asked.position + 1],
      fingerprint = case when codec = (${codecs}::smallint[])[asked.position + 1] then fingerprint end
    from ${unpacked(tx, digests)}
    where chunk.digest = asked.digest
      and chunk.pack in (select id from pack where key = any (${packs}::text[]))`
  await doomEmpty(tx, packs)
}

async function doomEmpty(tx: Transaction, packs: readonly string[]): Promise<void> {
  await tx`
    with gone as (
      delete from pack where key = any (${packs}::text[])
        and not exists (select from chunk where chunk.pack = pack.id)
      returning key, size_bytes)
    insert into doomed_pack (key, size_bytes) select key, size_bytes from gone`
}

async function claim(tx: Transaction, { key, sizeBytes }: BlobStat): Promise<boolean> {
  const claimed = await tx`
    insert into doomed_pack (key, size_bytes)
    select ${key}::text, ${sizeBytes}::bigint
    where not exists (select from pack where pack.key = ${key}) on conflict do nothing`
  return claimed.count === 1
}

interface SizeRow {
  key: string
  sizeBytes: bigint
}

function statOf({ key, sizeBytes }: SizeRow): BlobStat {
  return { key, sizeBytes: Number(sizeBytes) }
}

function sumOf(rows: readonly { readonly storedBytes: number }[]): number {
  return rows.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
}
