import { invalid } from '../failure.ts'
import { distroOf, type Catalogue } from './catalogue.ts'
import { isConstraint, parseConstraint, type Constraint } from './constraint.ts'
import { maxNameLength, readAliasName, readImageName, shown, splitNamespace } from './name.ts'
import type { AliasName, ImageName } from './name.ts'
import { readPartial, type PartialName } from './partial.ts'
import type { Warning } from './warning.ts'
import type { Vocabulary } from './word.ts'

/** What a person may write where an image is wanted, as it was read. */
export type Reference =
  | ({ readonly kind: 'exact' } & ExactReference)
  | ({ readonly kind: 'alias' } & AliasReference)
  | ({ readonly kind: 'partial'; readonly namespace: string } & PartialName)
  | ({ readonly kind: 'constraint' } & Constraint)

interface ExactReference {
  readonly name: ImageName
  /** The digest that the image must have, as 64 hex digits. */
  readonly sha256?: string
  readonly warnings: readonly Warning[]
}

interface AliasReference {
  readonly alias: AliasName
  readonly warnings: readonly Warning[]
}

/** What decides how a reference is read. */
export interface Words {
  readonly catalogue: Catalogue
  /** The roles of a namespace's own images. */
  roles(namespace: string): ReadonlySet<string>
  hasAlias(alias: AliasName): boolean
}

/** A constraint has several names in it, and still an end. */
const maxReferenceLength = 1024

/** Reads a reference: as an exact name, else an alias, else a partial name; a constraint shows by its operators. */
export function parseReference(text: string, words: Words): Reference {
  const plain = normalize(text)
  const vocabularyOf = (namespace: string): Vocabulary => ({
    catalogue: words.catalogue,
    roles: words.roles(namespace),
  })
  if (isConstraint(plain)) return { kind: 'constraint', ...parseConstraint(plain, vocabularyOf) }
  const exact = readExact(plain, words.catalogue)
  if (exact !== undefined) return exact
  const alias = readAliasName(plain)
  if (alias !== undefined && words.hasAlias(alias)) return { kind: 'alias', alias, warnings: [] }
  const { namespace, rest } = splitNamespace(plain)
  return { kind: 'partial', namespace, ...readPartial(rest, vocabularyOf(namespace)) }
}

/** Case does not matter; Unicode never gets as far as being folded. */
function normalize(text: string): string {
  const plain = text.trim()
  if (plain === '')
    throw invalid('EMPTY', 'The image reference is empty: write one, as in fedora-43')
  const strange = /[^A-Za-z0-9._:/@,<>=! -]/u.exec(plain)?.[0]
  if (strange !== undefined) {
    throw invalid(
      'INVALID_NAME',
      `"${shown(plain)}" is no image reference: no reference has the character ${described(strange)}`,
    )
  }
  const [name = ''] = plain.split('@')
  const limit = isConstraint(plain) ? maxReferenceLength : maxNameLength
  if (name.length > limit) {
    throw invalid('INVALID_NAME', `"${shown(plain)}" is longer than ${limit} characters`)
  }
  if (!isConstraint(plain) && plain.includes(' ')) {
    throw invalid('INVALID_NAME', `"${plain}" has a space in it: write dashes between its words`)
  }
  return plain.toLowerCase()
}

function described(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return /^[\x21-\x7e]$/.test(character) ? character : `U+${code}`
}

/** A name in full is exact, unless it begins with a short name of its distro, as no image's own name does. */
function readExact(
  text: string,
  catalogue: Catalogue,
): ({ readonly kind: 'exact' } & ExactReference) | undefined {
  const at = text.indexOf('@')
  const full = readImageName(at < 0 ? text : text.slice(0, at))
  const name = full !== undefined && isOwnName(full, catalogue) ? full : undefined
  if (at < 0) return name === undefined ? undefined : { kind: 'exact', name, warnings: [] }
  const sha256 = /^@sha256:([0-9a-f]{64})$/.exec(text.slice(at))?.[1]
  if (name !== undefined && sha256 !== undefined) {
    return { kind: 'exact', name, sha256, warnings: [] }
  }
  throw invalid(
    'INVALID_NAME',
    name === undefined
      ? `"${shown(text)}" pins a digest, which goes with an exact name only`
      : `"${shown(text)}" pins no digest: write @sha256: and 64 hex digits`,
  )
}

function isOwnName({ distro }: ImageName, catalogue: Catalogue): boolean {
  const known = distroOf(catalogue, distro)
  return known === undefined || known.id === distro
}
