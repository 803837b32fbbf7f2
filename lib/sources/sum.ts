import { sha256 } from '../content/digest.ts'
import type { Part, PartKind } from './source.ts'

/** The SHA-256 of a part as it came, in hex. */
export interface PartSum {
  readonly kind: PartKind
  readonly sha256: string
}

/** What stands for the bytes of a disk and of all that belongs to it, in hex: of a disk alone, its own SHA-256. */
export function sumOf(disk: string, parts: readonly PartSum[]): string {
  if (parts.length === 0) return disk
  const lines = [{ kind: 'rootfs', sha256: disk }, ...parts].map(
    ({ kind, sha256: sum }) => `${kind} ${sum}\n`,
  )
  return sha256(Buffer.from(lines.join('')))
}

/** The same by what a place tells, if it tells all of it. */
export function toldSumOf(disk: string | undefined, parts: readonly Part[]): string | undefined {
  const told = parts.flatMap(({ kind, item }) =>
    item.sha256 === undefined ? [] : [{ kind, sha256: item.sha256 }],
  )
  return disk === undefined || told.length < parts.length ? undefined : sumOf(disk, told)
}
