import { invalid } from '../failure.ts'
import { archOf, type Arch } from './catalogue.ts'
import { renderBuild, type Build } from './build.ts'
import { isDay } from './day.ts'

/** What is built again and again. */
export interface Line {
  /** The facility that owns it; empty for the portal. */
  readonly namespace: string
  readonly distro: string
  readonly release: string
  readonly role: string
  readonly arch: Arch
}

/** The exact name of an image: every field filled. */
export interface ImageName extends Line {
  readonly point: number
  readonly build: Build
}

/** A movable pointer of a namespace. */
export interface AliasName {
  readonly namespace: string
  readonly alias: string
}

export const maxNameLength = 128

const facility = '[a-z][a-z0-9-]{0,30}[a-z0-9]'
const role = '[a-z][a-z0-9]{0,31}'

const facilityPattern = new RegExp(`^${facility}$`)
const rolePattern = new RegExp(`^${role}$`)
const aliasPattern = new RegExp(`^(?:(${facility})/)?([a-z](?:[a-z0-9.-]*[a-z0-9])?)$`)

/** One spelling of each name: neither point nor serial has leading zeros, and the first build of a day has no serial. */
const exactPattern = new RegExp(
  `^(?:(${facility})/)?([a-z][a-z0-9]{1,15})-([0-9]{1,6})\\.(0|[1-9][0-9]{0,2})-(${role})` +
    `-(x86|aarch64|riscv64)-([0-9]{8})(?:\\.([1-9][0-9]{0,8}))?$`,
)

/** Reads an exact name, and nothing else. */
export function parseImageName(text: string): ImageName {
  const name = readImageName(text)
  if (name !== undefined) return name
  const day = exactPattern.exec(text)?.[7]
  if (day !== undefined && text.length <= maxNameLength) {
    throw invalid('INVALID_DATE', `"${text}" is no image name: ${day} is no day of the calendar`)
  }
  throw invalid(
    'INVALID_NAME',
    `"${shown(text)}" is no exact image name: write all of it, as in ubuntu-2404.4-std-x86-20260615`,
  )
}

/** Reads an exact name; undefined where the text is none. */
export function readImageName(text: string): ImageName | undefined {
  if (text.length > maxNameLength) return undefined
  const match = exactPattern.exec(text)
  if (match === null) return undefined
  const [
    ,
    namespace = '',
    distro = '',
    release = '',
    point,
    role = '',
    word = '',
    day = '',
    serial,
  ] = match
  const arch = archOf(word)
  if (arch === undefined || !isDay(day)) return undefined
  const build = { day, serial: Number(serial ?? 0) }
  return { namespace, distro, release, point: Number(point), role, arch, build }
}

export function renderImageName(name: ImageName): string {
  const { distro, release, point, role, arch, build } = name
  return `${prefix(name)}${distro}-${release}.${point}-${role}-${arch}-${renderBuild(build)}`
}

/** `ubuntu-2404-std-x86`. */
export function renderLine(line: Line): string {
  return `${prefix(line)}${line.distro}-${line.release}-${line.role}-${line.arch}`
}

/** Reads the name of an alias, which never looks like the exact name of an image. */
export function parseAliasName(text: string): AliasName {
  const alias = readAliasName(text)
  if (alias !== undefined) return alias
  const why = exactPattern.test(text)
    ? 'it has the form of an exact name, which never moves'
    : 'write small letters, digits, dots and dashes, a letter first'
  throw invalid('INVALID_NAME', `"${shown(text)}" is no alias: ${why}`)
}

/** Reads the name of an alias; undefined where the text can be none. */
export function readAliasName(text: string): AliasName | undefined {
  if (text.length > maxNameLength) return undefined
  const match = aliasPattern.exec(text)
  if (match === null || exactPattern.test(text)) return undefined
  const [, namespace = '', alias = ''] = match
  return { namespace, alias }
}

export function renderAliasName(name: AliasName): string {
  return `${prefix(name)}${name.alias}`
}

/** What the portal's own agent belongs to, which works for the portal: no facility is called so. */
export const portalsOwn = 'portal'

/** Reads the name of a facility, which is also its namespace. */
export function parseFacilityName(text: string): string {
  if (facilityPattern.test(text)) return text
  throw invalid(
    'INVALID_NAME',
    `"${shown(text)}" is no facility name: write 2 to 32 small letters, digits and dashes, a letter first`,
  )
}

/** Cuts a reference at its slash, if it has one; before it stands a facility, after it something. */
export function splitNamespace(text: string): { namespace: string; rest: string } {
  const slash = text.indexOf('/')
  if (slash < 0) return { namespace: '', rest: text }
  const namespace = parseFacilityName(text.slice(0, slash))
  const rest = text.slice(slash + 1)
  if (rest !== '' && !rest.includes('/')) return { namespace, rest }
  throw invalid(
    'INVALID_NAME',
    `"${shown(text)}" is no image reference: write one image after "${namespace}/"`,
  )
}

/** Whether a word can be a role. */
export function isRoleShaped(word: string): boolean {
  return rolePattern.test(word)
}

/** Text from outside, short and harmless enough for a message. */
export function shown(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, '?')
  return plain.length > maxNameLength ? `${plain.slice(0, 40)}…` : plain
}

function prefix({ namespace }: { readonly namespace: string }): string {
  return namespace === '' ? '' : `${namespace}/`
}
