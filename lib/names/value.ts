import { invalid } from '../failure.ts'
import { isBuildShaped, readBuild } from './build.ts'
import { archOf, distroOf, releaseOf, type Arch, type Distro } from './catalogue.ts'
import type { Op } from './clause.ts'
import type { FieldName, Fields } from './fields.ts'
import { noDistro, noSuchDate, unknownArch, unknownRelease, unknownRole } from './unknown.ts'
import { legacyForm, type Warning } from './warning.ts'
import type { Vocabulary } from './word.ts'

/** What a clause says of an image. */
export interface ReadFields {
  readonly fields: Fields
  readonly warnings: readonly Warning[]
}

/** Reads the value of one field, as in `release >= 2204`. */
export function readFieldValue(
  field: FieldName,
  value: string,
  op: Op,
  distro: Distro,
  vocabulary: Vocabulary,
): ReadFields {
  switch (field) {
    case 'distro':
      return plain({ distro: knownDistro(value, vocabulary).id })
    case 'release':
      return plain({ release: knownRelease(value, op, distro) })
    case 'point':
      return plain({ point: parsePoint(value) })
    case 'role':
      return plain({ role: knownRole(value, vocabulary) })
    case 'arch':
      return plain({ arch: knownArch(value) })
    case 'build':
      return readBuildValue(value)
  }
}

function plain(fields: Fields): ReadFields {
  return { fields, warnings: [] }
}

export function knownDistro(word: string, { catalogue }: Vocabulary): Distro {
  const distro = distroOf(catalogue, word)
  if (distro === undefined) throw noDistro(word, catalogue)
  return distro
}

/** A bound need not be a release that exists: `release >= 2205`. */
function knownRelease(word: string, op: Op, distro: Distro): string {
  const release = releaseOf(distro, word)
  if (release !== undefined) return release.release
  const digits = word.replace('.', '')
  if (op === '=' || op === '!=' || !/^[0-9]{1,6}$/.test(digits)) {
    throw unknownRelease(word, distro)
  }
  return digits
}

function parsePoint(word: string): number {
  if (/^[0-9]{1,3}$/.test(word)) return Number(word)
  throw invalid('INVALID_NAME', `"${word}" is no point: write one to three digits`)
}

function knownRole(word: string, vocabulary: Vocabulary): string {
  if (vocabulary.catalogue.roles.includes(word) || vocabulary.roles.has(word)) return word
  throw unknownRole(word, vocabulary)
}

function knownArch(word: string): Arch {
  const arch = archOf(word)
  if (arch === undefined) throw unknownArch(word)
  return arch
}

function readBuildValue(word: string): ReadFields {
  const read = readBuild(word)
  if (read !== undefined) {
    return {
      fields: { build: read.build },
      warnings: read.legacy ? [legacyForm(word, read.build.digits)] : [],
    }
  }
  if (isBuildShaped(word)) throw noSuchDate(word)
  throw invalid(
    'INVALID_NAME',
    `"${word}" is no build: write a day as 20260615, or a month as 202606`,
  )
}
