import { joinDigests, splitDigests, type Digest } from '../../lib/content/digest.ts'
import type { Sql } from '../db/open.ts'

/** An image to prepare deltas for, and the build before it. */
export interface NextImage {
  readonly name: string
  readonly sequence: bigint
  readonly target: Digest
  /** Undefined for the first of its line, and for one with the same content. */
  readonly base: Digest | undefined
}

interface NextRow {
  readonly name: string
  readonly sequence: bigint
  readonly target: Buffer
  readonly base: Buffer | null
}

/** The oldest image that was not looked at. */
export async function nextImage(sql: Sql): Promise<NextImage | undefined> {
  const [row] = await sql<NextRow[]>`
    select image.name, image.sequence, manifest.digest as target, before.digest as base
    from image join manifest on manifest.id = image.manifest
    left join lateral (
      select earlier.digest from image as one join manifest as earlier on earlier.id = one.manifest
      where one.facility is not distinct from image.facility and one.distro = image.distro
        and one.release = image.release and one.role = image.role and one.arch = image.arch
        and one.sequence < image.sequence and one.storage = 'present'
      order by one.sequence desc limit 1) as before on before.digest <> manifest.digest
    where image.sequence > (select sequence from delta_progress)
    order by image.sequence limit 1`
  if (row === undefined) return undefined
  const { name, sequence, target, base } = row
  return { name, sequence, target: only(target), base: base === null ? undefined : only(base) }
}

/** The image was looked at. */
export async function passImage(sql: Sql, sequence: bigint): Promise<void> {
  await sql`update delta_progress set sequence = greatest(sequence, ${sequence})`
}

/** Records prepared deltas; false if there are some already, or one of the images is gone. */
export async function recordDeltas(
  sql: Sql,
  pair: { readonly target: Digest; readonly base: Digest },
  object: { readonly key: string; readonly sizeBytes: number },
): Promise<boolean> {
  const { count } = await sql`
    insert into delta (target, base, key, size_bytes)
    select target.id, base.id, ${object.key}, ${object.sizeBytes}
    from manifest as target, manifest as base
    where target.digest = ${joinDigests([pair.target])} and base.digest = ${joinDigests([pair.base])}
    on conflict do nothing`
  return count > 0
}

export interface FoundDeltas {
  readonly key: string
  readonly sizeBytes: number
  readonly base: Digest
}

/** The deltas of an image against the first of the bases that there are some for. */
export async function findDeltas(
  sql: Sql,
  target: Digest,
  bases: readonly Digest[],
): Promise<FoundDeltas | undefined> {
  const rows = await sql<{ key: string; sizeBytes: bigint; base: Buffer }[]>`
    select key, delta.size_bytes, base.digest as base from delta
    join manifest as target on target.id = delta.target
    join manifest as base on base.id = delta.base
    where target.digest = ${joinDigests([target])}`
  const found = rows.map((row) => ({
    ...row,
    sizeBytes: Number(row.sizeBytes),
    base: only(row.base),
  }))
  const ranked = bases.flatMap((base) => found.find((one) => one.base === base) ?? [])
  return ranked[0]
}

/** The keys of all prepared deltas. */
export async function deltaKeys(sql: Sql): Promise<ReadonlySet<string>> {
  const rows = await sql<{ key: string }[]>`select key from delta`
  return new Set(rows.map(({ key }) => key))
}

function only(bytes: Buffer): Digest {
  const [digest] = splitDigests(bytes)
  if (digest === undefined) throw new Error('a manifest has no digest')
  return digest
}
