import { invalid, type Failure } from '../failure.ts'
import { archWords, releaseOf, wordsOfDistro, wordsOfReleases } from './catalogue.ts'
import type { Catalogue, Distro } from './catalogue.ts'
import { shown } from './name.ts'
import { choice, suggest } from './suggest.ts'
import type { Vocabulary } from './word.ts'

/** A first word that names neither a distro nor a release. */
export function unknownDistro(word: string, catalogue: Catalogue): Failure {
  const { distros } = catalogue
  const bare = word.replace(/[0-9.]+$/, '')
  const { nearest, ending } = suggest(
    bare === '' ? word : bare,
    distros.flatMap(wordsOfDistro),
    distros.flatMap(wordsOfReleases),
  )
  const what = bare === '' ? 'No distro has a release' : 'No distro is called'
  const help = belated(word, catalogue) ?? ending
  return invalid('UNKNOWN_DISTRO', `${what} "${word}"; ${help}`, { nearest: nearest.join(', ') })
}

/** What to do about a word that comes later in a reference. */
function belated(word: string, { distros, roles }: Catalogue): string | undefined {
  const field = roles.includes(word) ? 'a role' : archWords.includes(word) ? 'an architecture' : ''
  if (field === '') return undefined
  return `it is ${field}, and goes after a distro, as in ${distros[0]?.id ?? 'debian'}-${word}`
}

/** A word that names no distro where nothing else can stand. */
export function noDistro(word: string, { distros }: Catalogue): Failure {
  const owners = distros.filter((distro) => releaseOf(distro, word) !== undefined)
  const { nearest, ending } =
    owners.length === 0
      ? suggest(word, distros.flatMap(wordsOfDistro))
      : { nearest: owners.map(({ id }) => id), ending: '' }
  const help = ending === '' ? `it is a release of ${choice(nearest)}` : ending
  const facts = { nearest: nearest.join(', ') }
  return invalid('UNKNOWN_DISTRO', `No distro is called "${shown(word)}"; ${help}`, facts)
}

/** A release that the distro does not have. */
export function unknownRelease(word: string, distro: Distro): Failure {
  const known = distro.releases.map(({ release }) => release).join(', ')
  const help = known === '' ? 'it has none yet' : `known are ${known}`
  return invalid('UNKNOWN_RELEASE', `${distro.display} has no release "${word}"; ${help}`, {
    known,
  })
}

/** A word of digits that is no day or month. */
export function noSuchDate(word: string): Failure {
  return invalid(
    'INVALID_DATE',
    `"${word}" is no day or month of the calendar: write a build as 20260615 or 202606`,
  )
}

export function unknownRole(word: string, vocabulary: Vocabulary): Failure {
  return unknown(word, 'role', knownRoles(vocabulary))
}

export function unknownArch(word: string): Failure {
  return unknown(word, 'architecture', archWords)
}

/** A word after the distro that is none of the fields. */
export function unknownWord(word: string, distro: Distro, vocabulary: Vocabulary): Failure {
  const known = [...knownRoles(vocabulary), ...archWords, ...wordsOfReleases(distro)]
  return unknown(word, 'field of an image name', known)
}

function unknown(word: string, what: string, known: readonly string[]): Failure {
  const { nearest, ending } = suggest(word, known)
  const help = /^[0-9]+$/.test(word)
    ? 'a point comes right after its release, as in 13.1, and a build is a day, as in 20260615'
    : ending
  const facts = { nearest: nearest.join(', ') }
  return invalid('UNKNOWN_TOKEN', `"${word}" is no ${what}; ${help}`, facts)
}

function knownRoles({ catalogue, roles }: Vocabulary): readonly string[] {
  return [...catalogue.roles, ...[...roles].sort()]
}
