import type { Part, PartKind } from '../../lib/sources/source.ts'
import type { ImportPart } from '../../proto/gen/merge/image/v1/image.ts'

/** What belongs to a disk, as it is kept. */
export interface PartRow {
  readonly kind: PartKind
  readonly name: string
  readonly version: string
  /** Empty where the place did not tell. */
  readonly sha256: string
  /** 0 where the place did not tell. */
  readonly sizeBytes: number
}

export function partRow({ kind, item }: Part) {
  const { name, version, sha256 = '', sizeBytes = 0n } = item
  return { kind, name, version, sha256, sizeBytes: Number(sizeBytes) } satisfies PartRow
}

export function partOf({ kind, name, version, sha256, sizeBytes }: PartRow): Part {
  const item = {
    ...{ name, version, fields: {} },
    ...(sha256 === '' ? {} : { sha256 }),
    ...(sizeBytes === 0 ? {} : { sizeBytes: BigInt(sizeBytes) }),
  }
  return { kind, item }
}

export function renderParts(rows: readonly PartRow[]): ImportPart[] {
  return rows.map((row) => ({ ...row, sizeBytes: BigInt(row.sizeBytes) }))
}
