import { invalid, type Failure } from '../failure.ts'
import { isBuildShaped } from './build.ts'
import type { Distro } from './catalogue.ts'
import { clash, renderFields, type Fields } from './fields.ts'
import { choice } from './suggest.ts'
import { noSuchDate, unknownDistro, unknownRelease, unknownWord } from './unknown.ts'
import { legacyForm, type Warning } from './warning.ts'
import { isGlued, readFirstWord, readWord, type Reading, type Vocabulary } from './word.ts'

/** A partial name as read: what it gives, the distro always. */
export interface PartialName {
  readonly distro: Distro
  readonly fields: Fields
  readonly warnings: readonly Warning[]
}

/** Reads a partial name without its namespace, in the one way in which it can be read. */
export function readPartial(text: string, vocabulary: Vocabulary): PartialName {
  const [first = '', ...rest] = text.split(/[-:]/)
  if ([first, ...rest].includes('')) {
    throw invalid('INVALID_NAME', `"${text}" is no image reference: a word is missing in it`)
  }
  const failures: DeadEnd[] = []
  const paths = starts(first, vocabulary).flatMap((start) =>
    follow(start, rest, vocabulary, failures),
  )
  const distinct = new Map(paths.map((path) => [renderFields(path.fields), path]))
  const [path] = distinct.values()
  if (path === undefined) throw deadEnd(text, failures, vocabulary)
  if (distinct.size === 1) return path
  const readings = [...distinct.keys()]
  throw invalid(
    'AMBIGUOUS',
    `"${text}" can be read in ${readings.length} ways: write ${choice(readings)}`,
    { readings: readings.join('; ') },
  )
}

interface Path extends PartialName {
  /** What the last word gave. */
  readonly last: Fields
}

/** A word that could not be read after what was read before it. */
interface DeadEnd {
  readonly word: string
  readonly path: Path
  readonly readings: readonly Reading[]
  readonly left: number
}

function starts(word: string, { catalogue }: Vocabulary): readonly Path[] {
  const paths = readFirstWord(word, catalogue).map(({ distro, reading }) =>
    join({ distro, fields: {}, warnings: [], last: {} }, word, reading),
  )
  if (paths.length > 0) return paths
  const glued = catalogue.distros.find((distro) => isGlued(word, distro))
  throw glued === undefined ? unknownDistro(word, catalogue) : unknownRelease(word, glued)
}

/** Every way to read the words to the end. A field is given once, so no path is longer than the fields. */
function follow(
  path: Path,
  words: readonly string[],
  vocabulary: Vocabulary,
  failures: DeadEnd[],
): readonly Path[] {
  const [word, ...rest] = words
  if (word === undefined) return [path]
  const readings = readWord(word, path.distro, vocabulary, path.fields, path.last)
  const open = readings.filter(({ fields }) => clash(path.fields, fields) === undefined)
  if (open.length === 0) failures.push({ word, path, readings, left: words.length })
  return open.flatMap((reading) => follow(join(path, word, reading), rest, vocabulary, failures))
}

function join(path: Path, word: string, { fields, modern }: Reading): Path {
  const warnings =
    modern === undefined ? path.warnings : [...path.warnings, legacyForm(word, modern)]
  return { distro: path.distro, fields: { ...path.fields, ...fields }, warnings, last: fields }
}

/** Of the words where reading ended, the last one tells most. */
function deadEnd(text: string, failures: readonly DeadEnd[], vocabulary: Vocabulary): Failure {
  const [furthest] = [...failures].sort((a, b) => a.left - b.left)
  if (furthest === undefined) return invalid('INVALID_NAME', `"${text}" is no image reference`)
  const { word, path, readings } = furthest
  const twice = readings.map(({ fields }) => clash(path.fields, fields))[0]
  if (twice !== undefined) {
    return invalid('DUPLICATE_FIELD', `"${text}" gives the ${twice} twice: leave out "${word}"`)
  }
  if (isBuildShaped(word)) return noSuchDate(word)
  if (/^[0-9]+(\.[0-9]+)*$/.test(word) && path.fields.release === undefined) {
    return unknownRelease(word, path.distro)
  }
  return unknownWord(word, path.distro, vocabulary)
}
