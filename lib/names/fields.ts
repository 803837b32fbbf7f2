import { renderWrittenBuild, type WrittenBuild } from './build.ts'
import type { Arch } from './catalogue.ts'

/** The fields of a name that a reference gives; the others are free. */
export interface Fields {
  readonly distro?: string
  readonly release?: string
  readonly point?: number
  readonly role?: string
  readonly arch?: Arch
  readonly build?: WrittenBuild
}

export const fieldNames = ['distro', 'release', 'point', 'role', 'arch', 'build'] as const

export type FieldName = (typeof fieldNames)[number]

/** The first field that both give. */
export function clash(a: Fields, b: Fields): FieldName | undefined {
  return fieldNames.find((field) => a[field] !== undefined && b[field] !== undefined)
}

/** A reference that can be read in this one way only. */
export function renderFields({ distro, release, point, role, arch, build }: Fields): string {
  const written = build === undefined ? undefined : renderWrittenBuild(build)
  const major = point === undefined ? release : `${release ?? ''}.${point}`
  const named = [distro, major, role, arch, release === undefined ? undefined : written]
  const name = named.filter((part) => part !== undefined).join('-')
  return release === undefined && written !== undefined ? `${name}, build = ${written}` : name
}
