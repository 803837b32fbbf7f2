import { renderBuild, renderWrittenBuild } from './build.ts'
import type { Arch, Catalogue } from './catalogue.ts'
import { equals, type Clause } from './clause.ts'
import type { Fields } from './fields.ts'
import type { ImageName } from './name.ts'

/** A field that the reference left free, what it became, and where that came from. */
export interface Filled {
  readonly field: 'release' | 'point' | 'role' | 'arch' | 'build'
  readonly value: string
  readonly origin: 'convention' | 'context' | 'facility' | 'catalogue' | 'newest'
}

/** Where what is wanted will run: the architecture of the node goes before that of the facility. */
export interface Surroundings {
  readonly arch?: Arch
  readonly facilityArch?: Arch
}

/** A default as a condition. */
export interface Assumption {
  readonly filled: Filled
  readonly clause: Clause
}

/** What a free role and a free architecture mean. */
export function assumptions(
  clauses: readonly Clause[],
  catalogue: Catalogue,
  surroundings: Surroundings,
): readonly Assumption[] {
  const role = 'std'
  const [arch, origin] = usualArch(catalogue, surroundings)
  return [
    ...(clauses.some((clause) => settles(clause, 'role'))
      ? []
      : [assume({ field: 'role', value: role, origin: 'convention' }, { role })]),
    ...(clauses.some((clause) => settles(clause, 'arch'))
      ? []
      : [assume({ field: 'arch', value: arch, origin }, { arch })]),
  ]
}

function usualArch(
  { defaultArch }: Catalogue,
  { arch, facilityArch }: Surroundings,
): readonly [Arch, Filled['origin']] {
  if (arch !== undefined) return [arch, 'context']
  return facilityArch === undefined ? [defaultArch, 'catalogue'] : [facilityArch, 'facility']
}

/** Every field that was free, as the image that was found fills it. */
export function filledIn(
  clauses: readonly Clause[],
  assumed: readonly Filled[],
  name: ImageName,
): readonly Filled[] {
  const given = clauses.filter(({ op }) => op === '=').map(({ fields }) => fields)
  const build = renderBuild(name.build)
  const free: readonly [Filled['field'], string, boolean][] = [
    ['release', name.release, given.some(({ release }) => release !== undefined)],
    ['point', String(name.point), given.some(({ point }) => point !== undefined)],
    ['build', build, given.some((fields) => isWhole(fields, build))],
  ]
  return [
    ...assumed,
    ...free
      .filter(([, , isGiven]) => !isGiven)
      .map(([field, value]): Filled => ({ field, value, origin: 'newest' })),
  ]
}

function assume(filled: Filled, fields: Fields): Assumption {
  return { filled, clause: equals(filled.field, filled.value, fields) }
}

/** `role != std` speaks of the role and leaves it open; `!= fedora-43-vte` only takes some images out. */
function settles({ op, fields }: Clause, field: 'role' | 'arch'): boolean {
  return fields[field] !== undefined && (op !== '!=' || Object.keys(fields).length === 1)
}

/** Whether the fields give all of a build, so that nothing of it was free. */
function isWhole({ build }: Fields, found: string): boolean {
  return build !== undefined && (renderWrittenBuild(build) === found || build.serial !== undefined)
}
