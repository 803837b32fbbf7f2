import { readBuild } from './build.ts'
import {
  archOf,
  distroOf,
  releaseOf,
  wordsOfDistro,
  type Catalogue,
  type Distro,
} from './catalogue.ts'
import type { Fields } from './fields.ts'
import { isRoleShaped } from './name.ts'

/** The words that a reference to images of one namespace may use. */
export interface Vocabulary {
  readonly catalogue: Catalogue
  /** The roles of the namespace's own images, beside those of the catalogue. */
  readonly roles: ReadonlySet<string>
  /** Whether a word that is nothing else may become a new role. */
  readonly newRoles?: boolean
}

/** What one word of a reference can mean. */
export interface Reading {
  readonly fields: Fields
  /** How the word is written today, where this is an older form. */
  readonly modern?: string
}

/** What the first word can mean: it names the distro, and maybe its release. */
export function readFirstWord(
  word: string,
  catalogue: Catalogue,
): readonly { readonly distro: Distro; readonly reading: Reading }[] {
  const named = distroOf(catalogue, word)
  if (named !== undefined) return [{ distro: named, reading: { fields: { distro: named.id } } }]
  return catalogue.distros.flatMap((distro) =>
    [...readRelease(word, distro), ...readGlued(word, distro)].map(({ fields, ...rest }) => ({
      distro,
      reading: { fields: { distro: distro.id, ...fields }, ...rest },
    })),
  )
}

/** What a later word can mean; `after` is what the words before it gave, `last` the one just before. */
export function readWord(
  word: string,
  distro: Distro,
  vocabulary: Vocabulary,
  after: Fields,
  last: Fields,
): readonly Reading[] {
  const readings = [
    ...readRelease(word, distro),
    ...readLegacyRelease(word, distro),
    ...readPoint(word, after, last),
    ...readBuildWord(word),
    ...readArch(word),
    ...readRole(word, vocabulary),
  ]
  const fresh = vocabulary.newRoles === true && readings.length === 0 && isRoleShaped(word)
  return fresh ? [{ fields: { role: word } }] : readings
}

/** Whether a word is a distro glued to digits, whatever release they may be. */
export function isGlued(word: string, distro: Distro): boolean {
  return gluedRests(word, distro).length > 0
}

function readGlued(word: string, distro: Distro): readonly Reading[] {
  return gluedRests(word, distro).flatMap((rest) => [
    ...readRelease(rest, distro),
    ...readLegacyRelease(rest, distro),
  ])
}

function gluedRests(word: string, distro: Distro): readonly string[] {
  return wordsOfDistro(distro)
    .filter((name) => word.startsWith(name))
    .map((name) => word.slice(name.length))
    .filter((rest) => /^[0-9]/.test(rest))
}

/** `2404`, `24.04`, `noble`; with its point `2404.4`, `24.04.4`. */
function readRelease(word: string, distro: Distro): readonly Reading[] {
  const whole = releaseOf(distro, word)
  const [, head = '', point] = /^([0-9.]+)\.([0-9]{1,3})$/.exec(word) ?? []
  const major = releaseOf(distro, head)
  return [
    ...(whole === undefined ? [] : [{ fields: { release: whole.release } }]),
    ...(major === undefined ? [] : [{ fields: { release: major.release, point: Number(point) } }]),
  ]
}

/** Digits that are no known release but begin with one: `24044`. */
function readLegacyRelease(word: string, distro: Distro): readonly Reading[] {
  if (!/^[0-9]+$/.test(word) || releaseOf(distro, word) !== undefined) return []
  const [longest] = distro.releases
    .map(({ release }) => release)
    .filter((release) => word.startsWith(release))
    .sort((a, b) => b.length - a.length)
  if (longest === undefined || word.length > longest.length + 3) return []
  const point = Number(word.slice(longest.length))
  return [{ fields: { release: longest, point }, modern: `${longest}.${point}` }]
}

/** A number is a point only right after the release: `x86-64` and `20260310-9` mean something else. */
function readPoint(word: string, after: Fields, last: Fields): readonly Reading[] {
  const inPlace = last.release !== undefined || after.point !== undefined
  return inPlace && /^[0-9]{1,3}$/.test(word) ? [{ fields: { point: Number(word) } }] : []
}

function readBuildWord(word: string): readonly Reading[] {
  const read = readBuild(word)
  if (read === undefined) return []
  const fields = { build: read.build }
  return [read.legacy ? { fields, modern: read.build.digits } : { fields }]
}

function readArch(word: string): readonly Reading[] {
  const arch = archOf(word)
  return arch === undefined ? [] : [{ fields: { arch } }]
}

function readRole(word: string, { catalogue, roles }: Vocabulary): readonly Reading[] {
  return catalogue.roles.includes(word) || roles.has(word) ? [{ fields: { role: word } }] : []
}
