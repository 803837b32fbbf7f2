import { joinDigests, splitDigests, type Digest } from '../../lib/content/digest.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { StoredObject } from './stored.ts'

/** An image to prepare deltas for, and the build before it. */
export interface NextImage {
  readonly name: string
  readonly target: Digest
  /** Undefined for the first of its line, and for one with the same content. */
  readonly base: Digest | undefined
}

interface NextRow {
  readonly name: string
  readonly target: Buffer
  readonly base: Buffer | null
}

/** Has the deltas of a new image looked for; in the transaction that makes it, or a late commit would be passed by. */
export async function wantDeltas(tx: Transaction, image: string): Promise<void> {
  await tx`insert into delta_wanted (image) values (${image})`
}

/** The oldest image that was not looked at. */
export async function nextImage(sql: Sql): Promise<NextImage | undefined> {
  const [row] = await sql<NextRow[]>`
    select image.name, manifest.digest as target, before.digest as base
    from delta_wanted join image on image.name = delta_wanted.image
    join manifest on manifest.id = image.manifest
    left join lateral (
      select earlier.digest from image as one join manifest as earlier on earlier.id = one.manifest
      where one.facility is not distinct from image.facility and one.distro = image.distro
        and one.release = image.release and one.role = image.role and one.arch = image.arch
        and one.sequence < image.sequence and one.storage = 'present' and not one.custom
      order by one.sequence desc limit 1) as before
      on before.digest <> manifest.digest and image.storage = 'present'
    order by image.sequence limit 1`
  if (row === undefined) return undefined
  const { name, target, base } = row
  return { name, target: only(target), base: base === null ? undefined : only(base) }
}

/** The image was looked at. */
export async function passImage(sql: Sql, image: string): Promise<void> {
  await sql`delete from delta_wanted where image = ${image}`
}

/** Records prepared deltas; false if there are some already, or one of the images is gone. */
export async function recordDeltas(
  sql: Sql,
  pair: { readonly target: Digest; readonly base: Digest },
  objects: readonly StoredObject[],
): Promise<boolean> {
  return sql.begin(async (tx) => {
    const [row] = await tx<{ target: bigint; base: bigint }[]>`
      insert into delta (target, base)
      select target.id, base.id
      from manifest as target, manifest as base
      where target.digest = ${joinDigests([pair.target])}
        and base.digest = ${joinDigests([pair.base])}
        and exists (select from manifest_chunk where manifest_chunk.manifest = target.id)
      on conflict do nothing
      returning target, base`
    if (row === undefined) return false
    await tx`
      insert into delta_object (target, base, place, key, size_bytes)
      select ${row.target}, ${row.base}, stored.* from unnest(
        ${objects.map((_, place) => place)}::int[],
        ${objects.map(({ key }) => key)}::text[],
        ${objects.map(({ sizeBytes }) => String(sizeBytes))}::bigint[]) as stored`
    return true
  })
}

/** Drops the deltas that lead to a manifest; their objects go as packs do, rows first and bytes with the next collection. */
export async function dropDeltas(tx: Transaction, manifest: bigint): Promise<void> {
  await tx`
    insert into doomed_pack (key, size_bytes)
    select key, size_bytes from delta_object where target = ${manifest} on conflict do nothing`
  await tx`delete from delta where target = ${manifest}`
}

/** The deltas of an image against the first of the bases that there are some for: their objects, in order; none if there are none. */
export async function findDeltas(
  sql: Sql,
  target: Digest,
  bases: readonly Digest[],
): Promise<StoredObject[]> {
  const rows = await sql<{ key: string; sizeBytes: bigint; base: Buffer }[]>`
    select key, object.size_bytes, base.digest as base from delta_object as object
    join manifest as target on target.id = object.target
    join manifest as base on base.id = object.base
    where target.digest = ${joinDigests([target])}
    order by object.base, place`
  const found = Map.groupBy(rows, (row) => only(row.base))
  const best = bases.find((base) => found.has(base))
  const objects = best === undefined ? [] : (found.get(best) ?? [])
  return objects.map(({ key, sizeBytes }) => ({ key, sizeBytes: Number(sizeBytes) }))
}

/** The keys of all prepared deltas. */
export async function deltaKeys(sql: Sql): Promise<ReadonlySet<string>> {
  const rows = await sql<{ key: string }[]>`select key from delta_object`
  return new Set(rows.map(({ key }) => key))
}

function only(bytes: Buffer): Digest {
  const [digest] = splitDigests(bytes)
  if (digest === undefined) throw new Error('a manifest has no digest')
  return digest
}
