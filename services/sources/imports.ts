import type { ImportOrder } from '../../proto/gen/merge/image/v1/build.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { ownedBy } from '../images/lines.ts'
import { lineOf, type ImportedBy, type ImportWish } from './importing.ts'
import { partOf, renderParts, type PartRow } from './parts.ts'

/** What a build imports. */
export interface ImportRow {
  readonly source: string
  readonly sourceVersion: number
  readonly text: string
  readonly item: string
  readonly version: string
  readonly sha256: string
  readonly sizeBytes: bigint
  readonly time: Date | null
  readonly fields: Readonly<Record<string, string>>
  readonly parts: readonly PartRow[]
  readonly day: string
}

/** What a build imports; undefined for one of a recipe. */
export async function findImport(
  sql: Sql | Transaction,
  build: string,
): Promise<ImportRow | undefined> {
  const [row] = await sql<ImportRow[]>`
    select source, source_version, text, item, version, sha256, size_bytes, time, fields, parts, day
    from import where build = ${build}`
  return row
}

/** As the agent gets it. */
export function renderOrder(row: ImportRow): ImportOrder {
  const { text, item: name, version, sha256, sizeBytes, time, fields } = row
  return {
    ...{ name, version, sha256, sizeBytes },
    sourceText: text,
    time: time ?? undefined,
    fields: { ...fields },
    parts: renderParts(row.parts),
  }
}

/** The same import once more, for a build of this target. */
export function repeated(
  row: ImportRow,
  target: string,
): { readonly source: ImportedBy; readonly wish: ImportWish } {
  const { source: name, sourceVersion, text, item, version, sha256, sizeBytes, time, fields } = row
  const found = {
    ...{ name: item, version, fields },
    ...(sha256 === '' ? {} : { sha256 }),
    ...(sizeBytes === 0n ? {} : { sizeBytes }),
    ...(time === null ? {} : { time }),
  }
  const { namespace } = lineOf(target)
  const facility = namespace === '' ? null : namespace
  return {
    source: { name, facility, version: sourceVersion, text },
    wish: { item: found, parts: row.parts.map(partOf), target, day: row.day },
  }
}

/** The newest image of a line that can be used, with which an import is compared. */
export async function newestOf(
  sql: Sql,
  target: string,
): Promise<
  { readonly image: string; readonly digest: string; readonly inputs: string | null } | undefined
> {
  const { namespace, distro, release, role, arch } = lineOf(target)
  const [row] = await sql<{ image: string; digest: string; inputs: string | null }[]>`
    select image.name as image, encode(manifest.digest, 'hex') as digest,
      (select encode(inputs_digest, 'hex') from build where build.name = image.build) as inputs
    from image join manifest on manifest.id = image.manifest
    where ${ownedBy(sql, namespace)} and distro = ${distro} and release = ${release} and role = ${role}
      and arch = ${arch} and image.state in ('candidate', 'released') and storage = 'present'
    order by point desc, day desc, serial desc limit 1`
  return row
}
