import { compareBuilds } from './build.ts'
import type { Distro } from './catalogue.ts'
import { renderImageName, type ImageName } from './name.ts'

/** In the catalogue's order; releases that it does not have are older than those it has, and go by number. */
export function compareReleases(a: string, b: string, distro: Distro | undefined): number {
  if (a === b) return 0
  return releaseRank(a, distro) - releaseRank(b, distro) || Number(a) - Number(b)
}

/** Older before newer: by release, point and build. Names decide between images of the same age, in any order given. */
export function compareAge(a: ImageName, b: ImageName, distro: Distro | undefined): number {
  return (
    compareReleases(a.release, b.release, distro) ||
    compareWithinLine(a, b) ||
    (renderImageName(a) < renderImageName(b) ? 1 : -1)
  )
}

/** Older before newer, for images of one line or release. */
export function compareWithinLine(a: ImageName, b: ImageName): number {
  return a.point - b.point || compareBuilds(a.build, b.build)
}

const ranks = new WeakMap<Distro, ReadonlyMap<string, number>>()

/** The place of a release in the catalogue's order; -1 where it is not there. */
export function releaseRank(release: string, distro: Distro | undefined): number {
  return distro === undefined ? -1 : (ranksOf(distro).get(release) ?? -1)
}

/** A distro never changes, and every line of a constraint's candidates asks for this. */
function ranksOf(distro: Distro): ReadonlyMap<string, number> {
  const known = ranks.get(distro)
  if (known !== undefined) return known
  const found = new Map(distro.releases.map(({ release }, rank) => [release, rank]))
  ranks.set(distro, found)
  return found
}
