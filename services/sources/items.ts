import type { Past } from '../../lib/sources/judge.ts'
import type { Found } from '../../lib/sources/source.ts'
import type { Sql, Transaction } from '../db/open.ts'

interface ItemRow {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly sizeBytes: bigint
  readonly time: Date | null
  readonly fields: Readonly<Record<string, string>>
  readonly refused: string
}

/** Adds what a scan found; what it told before it does not add again. */
export async function insertItems(
  tx: Transaction,
  scan: { readonly name: string; readonly source: string },
  items: readonly Found[],
): Promise<void> {
  const rows = items.map(({ name, version, sha256 = '', sizeBytes = 0n, time, ...more }) => {
    const { fields, refused = '' } = more
    const told = { name, version, sha256, size_bytes: String(sizeBytes), fields, refused }
    return { ...told, time: time?.toISOString() ?? null }
  })
  await tx`
    insert into source_item (source, scan, name, version, sha256, size_bytes, time, fields, refused)
    select ${scan.source}, ${scan.name}, told.*
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as told(
      name text, version text, sha256 text, size_bytes bigint, time timestamptz, fields jsonb, refused text)
    on conflict do nothing`
}

/** How many items a scan found so far, and what they take. */
export async function countItems(
  tx: Transaction,
  scan: string,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const [row] = await tx<{ count: number; bytes: number }[]>`
    select count(*)::int as count, coalesce(sum(octet_length(name || version || refused || fields::text)), 0)::float8 as bytes
    from source_item where scan = ${scan}`
  return row ?? { count: 0, bytes: 0 }
}

/** What a scan found is from now on what there is. */
export async function forgetOthers(
  tx: Transaction,
  { name, source }: { readonly name: string; readonly source: string },
): Promise<void> {
  await tx`delete from source_item where source = ${source} and scan <> ${name}`
}

/** What the last scan that ended well found, by name. */
export async function readItems(sql: Sql | Transaction, source: string): Promise<readonly Found[]> {
  const rows = await sql<ItemRow[]>`
    select item.name, version, sha256, size_bytes, time, fields, refused
    from source_item as item join scan on scan.name = item.scan
    where item.source = ${source} and scan.state = 'done' order by item.name collate "C"`
  return rows.map(({ name, version, sha256, sizeBytes, time, fields, refused }) => ({
    ...{ name, version, fields },
    ...(sha256 === '' ? {} : { sha256 }),
    ...(sizeBytes === 0n ? {} : { sizeBytes }),
    ...(time === null ? {} : { time }),
    ...(refused === '' ? {} : { refused }),
  }))
}

/** The imports of what was found, and of the same bytes or of those that these sums stand for, in the order in which they were queued. */
export async function readPast(
  sql: Sql | Transaction,
  source: string,
  sums: readonly string[],
): Promise<readonly Past[]> {
  return sql<Past[]>`
    with found as (select name, sha256 from source_item where source = ${source})
    select import.build, import.item, import.version, import.parts, build.target,
      coalesce(case state when 'done' then image when 'skipped' then unchanged_image end, '') as image,
      case when state in ('queued', 'running') then 'under-way'
        when state in ('done', 'skipped') then 'imported' else 'failed' end as state,
      coalesce(encode(inputs_digest, 'hex'), '') as sha256
    from import join build on build.name = import.build
    where import.source = ${source} and (
      import.item in (select name from found)
      or encode(inputs_digest, 'hex') in (select sha256 from found where sha256 <> '')
      or encode(inputs_digest, 'hex') = any (${sums as string[]}))
    order by import.build`
}
