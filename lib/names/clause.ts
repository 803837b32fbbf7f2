import { compareToWritten, renderWrittenBuild } from './build.ts'
import type { Distro } from './catalogue.ts'
import type { FieldName, Fields } from './fields.ts'
import type { ImageName } from './name.ts'
import { compareReleases, releaseRank } from './order.ts'

export type Op = '=' | '!=' | '>=' | '<=' | '>' | '<'

/** One condition on images: the fields of a partial name, or a single field, under an operator. */
export interface Clause {
  /** As it was written. */
  readonly text: string
  readonly op: Op
  readonly fields: Fields
}

export type Test = (name: ImageName) => boolean

/** A partial name as clauses, one for each of its fields. */
export function clausesOf({ release, point, role, arch, build }: Fields): readonly Clause[] {
  return [
    ...(release === undefined ? [] : [equals('release', release, { release })]),
    ...(point === undefined ? [] : [equals('point', point, { point })]),
    ...(role === undefined ? [] : [equals('role', role, { role })]),
    ...(arch === undefined ? [] : [equals('arch', arch, { arch })]),
    ...(build === undefined ? [] : [equals('build', renderWrittenBuild(build), { build })]),
  ]
}

/** `field = value`. */
export function equals(field: FieldName, value: string | number, fields: Fields): Clause {
  return { text: `${field} = ${value}`, op: '=', fields }
}

/** What a clause asks of an image of the distro. */
export function clauseTest({ op, fields }: Clause, distro: Distro): Test {
  const holds = (name: ImageName): boolean =>
    (fields.distro === undefined || fields.distro === name.distro) &&
    (fields.role === undefined || fields.role === name.role) &&
    (fields.arch === undefined || fields.arch === name.arch)
  const place = (name: ImageName): number => compareToFields(name, fields, distro)
  switch (op) {
    case '=':
      return (name) => holds(name) && place(name) === 0
    case '!=':
      return (name) => !(holds(name) && place(name) === 0)
    case '>=':
      return (name) => holds(name) && place(name) >= 0
    case '<=':
      return (name) => holds(name) && place(name) <= 0
    case '>':
      return (name) => holds(name) && place(name) > 0
    case '<':
      return (name) => holds(name) && place(name) < 0
  }
}

/** Whether the clause asks the same of every image of a line. */
export function isOfLine({ fields }: Clause): boolean {
  return fields.point === undefined && fields.build === undefined
}

/** Whether the clause orders: by release, point or build. */
export function isOrdered({ release, point, build }: Fields): boolean {
  return release !== undefined || point !== undefined || build !== undefined
}

/** By release, then point, then build, each only where the fields give it. */
function compareToFields(name: ImageName, fields: Fields, distro: Distro): number {
  const { release, point, build } = fields
  return (
    (release === undefined ? 0 : compareToRelease(name.release, release, distro)) ||
    (point === undefined ? 0 : name.point - point) ||
    (build === undefined ? 0 : compareToWritten(name.build, build))
  )
}

/** A release written in a constraint need not exist: `release >= 9999` goes by number. */
function compareToRelease(release: string, written: string, distro: Distro): number {
  return releaseRank(written, distro) < 0
    ? Number(release) - Number(written)
    : compareReleases(release, written, distro)
}
