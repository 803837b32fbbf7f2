import type { Measured } from '../../lib/offered/measuring.ts'
import type { Forms } from '../../lib/offered/offer.ts'
import type { Sql } from '../db/open.ts'

/** An image that anybody may have. */
export interface OfferedRow {
  readonly name: string
  readonly digest: string
  readonly createTime: Date
  readonly heldBack: boolean
  readonly artifacts: readonly {
    readonly kind: number
    readonly boot: number
    readonly mediaType: string
    readonly sizeBytes: string
    readonly sha256: string
  }[]
  readonly aliases: readonly string[]
}

/** The portal's own images that are released and whose bytes are at hand. */
export async function offeredImages(sql: Sql): Promise<OfferedRow[]> {
  return sql<OfferedRow[]>`
    select image.name, encode(manifest.digest, 'hex') as digest, create_time, held_back,
      (select json_agg(json_build_object(
          'kind', kind, 'boot', boot, 'mediaType', media_type, 'sizeBytes', size_bytes::text,
          'sha256', encode(sha256, 'hex')) order by kind, boot)
        from artifact where artifact.manifest = manifest.id) as artifacts,
      (select coalesce(array_agg(alias.name order by alias.name), '{}')
        from alias where alias.image = image.name and alias.facility is null) as aliases
    from image join manifest on manifest.id = image.manifest
    where facility is null and not custom and state = 'released' and storage = 'present'
    order by sequence`
}

export async function knownForms(sql: Sql): Promise<ReadonlyMap<string, Forms>> {
  const rows = await sql<{ image: string; forms: Forms }[]>`select image, forms from offered`
  return new Map(rows.map(({ image, forms }) => [image, forms]))
}

export async function piecesOf(sql: Sql, image: string): Promise<Buffer | undefined> {
  const [row] = await sql<{ pieces: Buffer }[]>`select pieces from offered where image = ${image}`
  return row?.pieces
}

/** Another portal on this database may have done the same. */
export async function keepForms(
  sql: Sql,
  image: string,
  { forms, pieces }: Measured,
): Promise<void> {
  await sql`
    insert into offered (image, forms, pieces) values (${image}, ${JSON.stringify(forms)}::text::jsonb, ${pieces})
    on conflict (image) do update set forms = excluded.forms, pieces = excluded.pieces`
}

export async function forgetForms(sql: Sql, images: readonly string[]): Promise<void> {
  await sql`delete from offered where image = any(${images as string[]})`
}
