import { invalid } from '../failure.ts'
import type { Catalogue, Distro } from './catalogue.ts'
import { maxNameLength, shown, splitNamespace, type Line } from './name.ts'
import { readPartial } from './partial.ts'

/** What is published: everything of a name but the serial, and maybe the day. */
export interface Target {
  readonly line: Line
  readonly point: number
  /** YYYYMMDD; without it, the day of the commit. */
  readonly day?: string
}

/**
 * Reads what is to be published, as in `ubuntu-2404.4-std-x86`: distro and release at least. In a facility's namespace a
 * word that is nothing else makes a new role.
 */
export function parseTarget(text: string, catalogue: Catalogue): Target {
  const plain = normalize(text)
  const { namespace, rest } = splitNamespace(plain)
  const { distro, fields, warnings } = readPartial(rest, {
    catalogue,
    roles: new Set(),
    newRoles: namespace !== '',
  })
  const [older] = warnings
  if (older !== undefined) {
    throw invalid('INVALID_NAME', `${older.message}, as a name that stays is published`)
  }
  const { release, point = 0, role = 'std', arch = catalogue.defaultArch, build } = fields
  if (release === undefined) {
    throw invalid(
      'INVALID_NAME',
      `"${plain}" names no release: write one, as in ${example(distro)}`,
    )
  }
  const line = { namespace, distro: distro.id, release, role, arch }
  if (build === undefined) return { line, point }
  if (build.serial === undefined && build.digits.length === 8) {
    return { line, point, day: build.digits }
  }
  throw invalid(
    'INVALID_NAME',
    `"${plain}" gives more or less than the day of a build: write it as 20260615, or leave it out; the serial is given when it is published`,
  )
}

/** As `parseTarget` reads it, in full: `ubuntu-2404.4-std-x86`. */
export function renderTarget(
  { namespace, distro, release, role, arch }: Line,
  point: number,
): string {
  const prefix = namespace === '' ? '' : `${namespace}/`
  return `${prefix}${distro}-${release}.${point}-${role}-${arch}`
}

function normalize(text: string): string {
  const plain = text.trim()
  if (plain === '') {
    throw invalid(
      'EMPTY',
      'What to publish is empty: write a distro and a release, as in debian-13',
    )
  }
  if (plain.length <= maxNameLength && /^[A-Za-z0-9._:/-]+$/.test(plain)) return plain.toLowerCase()
  throw invalid(
    'INVALID_NAME',
    `"${shown(plain)}" is nothing to publish under: write at most ${maxNameLength} letters, digits, dots and dashes`,
  )
}

function example({ id, releases }: Distro): string {
  return [id, releases.at(-1)?.release ?? '1'].join('-')
}
