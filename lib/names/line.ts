import { invalid } from '../failure.ts'
import { archOf } from './catalogue.ts'
import { maxNameLength, shown, splitNamespace, type Line } from './name.ts'
import { readPartial } from './partial.ts'
import type { Vocabulary } from './word.ts'

/**
 * Reads a line as people write it, in any form of a partial name: `ubuntu-2404`, `noble`, `lab1/debian-13-mytools-x86`. It
 * gives a distro and a release at least, and nothing that changes from build to build.
 */
export function parseLine(text: string, vocabulary: Vocabulary): Line {
  const plain = text.trim()
  if (plain.length > maxNameLength || !/^[A-Za-z0-9._:/-]+$/.test(plain)) throw noLine(plain)
  const { namespace, rest } = splitNamespace(plain.toLowerCase())
  const { distro, fields } = readPartial(rest, vocabulary)
  const { release, role = 'std', arch = vocabulary.catalogue.defaultArch } = fields
  if (release === undefined) throw noLine(plain, 'it names no release')
  if (fields.point !== undefined) throw noLine(plain, 'it names a point release')
  if (fields.build !== undefined) throw noLine(plain, 'it names a build')
  return { namespace, distro: distro.id, release, role, arch }
}

const pattern = /^(?:([^/]+)\/)?([^-]+)-([^-]+)-([^-]+)-([^-]+)$/

/** Reads a line as `renderLine` writes it; undefined where the text is none. */
export function readLine(text: string): Line | undefined {
  const [, namespace = '', distro = '', release = '', role = '', word = ''] =
    pattern.exec(text) ?? []
  const arch = archOf(word)
  return arch === undefined ? undefined : { namespace, distro, release, role, arch }
}

function noLine(text: string, why = 'there is a character in it that no name has') {
  return invalid(
    'INVALID_NAME',
    `"${shown(text)}" is no line: ${why}; write distro, release, role and arch, as in ubuntu-2404-std-x86`,
  )
}
