import type { Distro, Release } from './catalogue.ts'
import type { Image } from './images.ts'

/** Why an image is not taken where a field is free. */
export type Ineligible =
  | 'CANDIDATE'
  | 'DEPRECATED'
  | 'REVOKED'
  | 'HELD_BACK'
  | 'ARCHIVED'
  | 'EXPIRED'
  | 'PRERELEASE'
  | 'END_OF_LIFE'
  | 'NOT_PRESENT'

/** For whom and when a reference is resolved. */
export interface Context {
  readonly now: Date
  /** Whether the image is where it is wanted; without it, anywhere will do. */
  readonly present?: (image: Image) => boolean
  /** The name of that place. */
  readonly place?: string
}

/** Tells why an image of the distro is not eligible; `named` are the releases that the reference names. */
export function eligibility(
  distro: Distro | undefined,
  named: ReadonlySet<string>,
  { now, present }: Context,
): (image: Image) => Ineligible | undefined {
  const closed = new Map<string, Ineligible>()
  const today = dayOf(now)
  for (const release of distro?.releases ?? []) {
    if (named.has(release.release)) continue
    if (release.prerelease === true) closed.set(release.release, 'PRERELEASE')
    else if (isPast(release, today)) closed.set(release.release, 'END_OF_LIFE')
  }
  return (image) =>
    standing(image) ??
    closed.get(image.name.release) ??
    (present === undefined || present(image) ? undefined : 'NOT_PRESENT')
}

/** The last day of support is still supported. */
export function isPastEndOfLife(release: Release, now: Date): boolean {
  return release.endOfLife !== undefined && isPast(release, dayOf(now))
}

function isPast({ endOfLife }: Release, today: string): boolean {
  return endOfLife !== undefined && today > endOfLife
}

function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10)
}

/** The same as words, after "it is". */
export const inWords: Readonly<Record<Ineligible, string>> = {
  CANDIDATE: 'not released yet',
  DEPRECATED: 'deprecated',
  REVOKED: 'revoked',
  HELD_BACK: 'held back',
  ARCHIVED: 'archived',
  EXPIRED: 'expired',
  PRERELEASE: 'of a pre-release',
  END_OF_LIFE: 'of a release past its end of life',
  NOT_PRESENT: 'not present',
}

function standing({ state, storage, heldBack }: Image): Ineligible | undefined {
  if (state === 'candidate') return 'CANDIDATE'
  if (state === 'deprecated') return 'DEPRECATED'
  if (state === 'revoked') return 'REVOKED'
  if (storage === 'archived') return 'ARCHIVED'
  if (storage === 'expired') return 'EXPIRED'
  return heldBack ? 'HELD_BACK' : undefined
}
