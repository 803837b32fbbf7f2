import { invalid, type Failure } from '../failure.ts'
import type {
  Distro as DistroMessage,
  Release as ReleaseMessage,
} from '../../proto/gen/merge/image/v1/catalog.ts'
import { readBuild } from './build.ts'
import {
  archOf,
  releaseOf,
  wordsOfDistro,
  type Catalogue,
  type Distro,
  type DistroWords,
  type Release,
} from './catalogue.ts'
import { isDay } from './day.ts'
import { toRelease } from './message.ts'
import { isRoleShaped, shown } from './name.ts'
import { unknownRelease } from './unknown.ts'

// Changes of the catalogue: what is asked for is read first, then held against the words that there are, so that each word
// keeps one meaning.

/** Reads what a distro shall be called; its releases are not looked at. */
export function parseDistro(message: DistroMessage | undefined): DistroWords {
  if (message === undefined) throw wrong('distro', 'The distro is missing')
  const { id, shortNames: short, displayName: display } = message
  if (!isDistroShaped(id)) throw wrong('id', `"${shown(id)}" is no id of a distro: ${distroShape}`)
  for (const word of short) {
    if (!isDistroShaped(word)) {
      throw wrong('short_names', `"${shown(word)}" is no short name of a distro: ${distroShape}`)
    }
  }
  const twice = [id, ...short].find((word, i, words) => words.indexOf(word) < i)
  if (twice !== undefined) throw wrong('short_names', `"${twice}" is given twice: write it once`)
  if (display === '') {
    throw wrong('display_name', `${id} has no name for people: give one, as in "Rocky Linux"`)
  }
  return { id, short, display: parseText('display_name', display) }
}

const distroShape = 'write 2 to 16 small letters and digits, a letter first'

function isDistroShaped(word: string): boolean {
  return /^[a-z][a-z0-9]{1,15}$/.test(word)
}

/** Reads what shall be known of a release. */
export function parseRelease(message: ReleaseMessage | undefined): Release {
  if (message === undefined) throw wrong('release', 'The release is missing')
  const { release, officialName, codename, displayName, releaseDate, endOfLife } = message
  if (!/^[0-9]{1,6}$/.test(release)) {
    const how = 'write one to six digits and nothing else, as in 2404 for 24.04'
    throw wrong('release', `"${shown(release)}" is no release: ${how}`)
  }
  if (readBuild(release) !== undefined) {
    throw wrong('release', `"${release}" is no release: in a reference it is a month of builds`)
  }
  if (!/^[0-9][0-9A-Za-z. -]{0,31}$/.test(officialName)) {
    const how = 'write it as the distro does, a digit first, as in 24.04'
    throw wrong('official_name', `"${shown(officialName)}" is no official name: ${how}`)
  }
  if (codename !== '' && !isRoleShaped(codename)) {
    const how = 'write one word of small letters and digits, as in noble'
    throw wrong('codename', `"${shown(codename)}" is no codename: ${how}`)
  }
  parseText('display_name', displayName)
  checkDays(releaseDate, endOfLife)
  return toRelease(message)
}

/** Reads a role, which nothing else may be called already. One that is there is as good as a new one. */
export function parseRole(role: string, catalogue: Catalogue): string {
  if (!isRoleShaped(role)) {
    const how = 'write 1 to 32 small letters and digits, a letter first'
    throw wrong('role', `"${shown(role)}" is no role: ${how}`)
  }
  refuseTaken(role, 'role', catalogue, `the role ${role}`)
  return role
}

/** Refuses a distro of which a word means something else already. */
export function admitDistro(words: DistroWords, { distros, ...rest }: Catalogue): void {
  const others = distros.filter(({ id }) => id !== words.id)
  const releases = distros.find(({ id }) => id === words.id)?.releases ?? []
  const after = { ...rest, distros: [...others, { ...words, releases }] }
  for (const word of wordsOfDistro(words)) {
    const field = word === words.id ? 'id' : 'short_names'
    refuseTaken(word, field, after, meaningOfDistro(words))
    const glued = others.flatMap(wordsOfDistro).find((longer) => isGlued(longer, word))
    if (glued !== undefined) {
      throw wrong(field, `"${word}" would make two things of "${glued}": choose another word`)
    }
  }
}

/** Where a release goes: first of all, right after another one, or without either where it is or else last. */
export interface Place {
  readonly first: boolean
  readonly after: string
}

/** The distro with a release added or changed, in its place; a new one is the newest if no place is said. */
export function withRelease(distro: Distro, release: Release, { first, after }: Place): Distro {
  const { releases } = distro
  const place = releases.findIndex((one) => one.release === release.release)
  const others = releases.filter((one) => one.release !== release.release)
  if (first && after !== '') {
    throw wrong(
      'first',
      `${release.release} comes first, or after ${shown(after)}: say one of them`,
    )
  }
  if (first) return { ...distro, releases: [release, ...others] }
  if (after === '') {
    return {
      ...distro,
      releases: place < 0 ? [...releases, release] : releases.with(place, release),
    }
  }
  const before = releaseOf(distro, after.toLowerCase())
  if (before === undefined) throw unknownRelease(shown(after), distro)
  if (before.release === release.release) {
    throw wrong('after', `${release.release} cannot come after itself: name another release`)
  }
  return { ...distro, releases: others.toSpliced(others.indexOf(before) + 1, 0, release) }
}

/** Refuses a release of the distro of which a word means something else already. */
export function admitRelease(
  release: Release,
  distro: Distro,
  { distros, ...rest }: Catalogue,
): void {
  const others = distro.releases.filter((one) => one.release !== release.release)
  const fields = { release: release.release, official_name: release.official }
  for (const [field, word] of Object.entries(fields)) {
    const other = releaseOf({ ...distro, releases: others }, word)
    if (other !== undefined) throw taken(word, field, meaningOfRelease(other, distro))
  }
  const split = distro.releases.find(({ official }) => isAlsoPoint(official, distro))
  if (split !== undefined) {
    const text = `"${split.official}" could then be read as a release and as a point of another`
    throw wrong('official_name', `${text}: only one of them can be a release`)
  }
  if (release.codename === undefined) return
  const after = { ...rest, distros: [...distros.filter(({ id }) => id !== distro.id), distro] }
  refuseTaken(release.codename, 'codename', after, meaningOfRelease(release, distro))
}

/** `15.6` beside a release `15`. */
function isAlsoPoint(official: string, distro: Distro): boolean {
  const major = /^(.+)\.[0-9]{1,3}$/.exec(official)?.[1]
  return major !== undefined && releaseOf(distro, major) !== undefined
}

/** A word of the catalogue may have its own meaning, and no other. */
function refuseTaken(word: string, field: string, catalogue: Catalogue, own: string): void {
  const other = meanings(word, catalogue).find((meaning) => meaning !== own)
  if (other !== undefined) throw taken(word, field, other)
}

function taken(word: string, field: string, meaning: string): Failure {
  return wrong(field, `"${word}" is ${meaning} already: choose another word`)
}

/** Everything that a word means in references, whatever stands before it. */
function meanings(word: string, { distros, roles }: Catalogue): readonly string[] {
  const arch = archOf(word)
  return [
    ...(arch === undefined ? [] : [`the architecture ${arch}`]),
    ...(roles.includes(word) ? [`the role ${word}`] : []),
    ...distros.flatMap((distro) => meaningsAt(word, distro)),
  ]
}

function meaningsAt(word: string, distro: Distro): readonly string[] {
  const words = wordsOfDistro(distro)
  const glued = words.find((start) => isGlued(word, start))
  return [
    ...(words.includes(word) ? [meaningOfDistro(distro)] : []),
    ...distro.releases
      .filter(({ codename }) => codename === word)
      .map((release) => meaningOfRelease(release, distro)),
    ...(glued === undefined ? [] : [`a release of ${glued}`]),
  ]
}

function meaningOfDistro({ id }: DistroWords): string {
  return `the distro ${id}`
}

function meaningOfRelease({ official }: Release, { display }: DistroWords): string {
  return `${display} ${official}`
}

/** `fedora43` is fedora and a release. */
function isGlued(word: string, start: string): boolean {
  return word.startsWith(start) && /^[0-9]+$/.test(word.slice(start.length))
}

function parseText(field: string, text: string): string {
  if (text.length <= 64 && !/\p{C}/u.test(text) && text === text.trim()) return text
  throw wrong(field, `"${shown(text)}" is no name to show: write one line of at most 64 characters`)
}

function checkDays(released: string, ended: string): void {
  checkDay('release_date', released)
  checkDay('end_of_life', ended)
  if (released !== '' && ended !== '' && ended < released) {
    throw wrong('end_of_life', `A release of ${released} cannot have ended on ${ended}`)
  }
}

function checkDay(field: string, text: string): void {
  const isWritten = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)
  if (text === '' || (isWritten && isDay(text.replaceAll('-', '')))) return
  throw invalid(
    'INVALID_DATE',
    `"${shown(text)}" is no day of the calendar: write it as 2029-05-31`,
    { field },
  )
}

function wrong(field: string, message: string): Failure {
  return invalid('INVALID_FIELD', message, { field })
}
