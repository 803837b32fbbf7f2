import { hash } from 'node:crypto'
import type {
  Distro as DistroMessage,
  ListDistrosResponse,
  Release as ReleaseMessage,
} from '../../proto/gen/merge/image/v1/catalog.ts'
import { archOf, type Catalogue, type Distro, type DistroWords, type Release } from './catalogue.ts'

/** The catalogue as it is sent. */
export function renderCatalogue(catalogue: Catalogue, generation: bigint): ListDistrosResponse {
  return {
    distros: catalogue.distros.map(renderDistro),
    roles: [...catalogue.roles],
    defaultArch: catalogue.defaultArch,
    generation,
  }
}

export function renderDistro(distro: Distro): DistroMessage {
  return {
    id: distro.id,
    shortNames: [...distro.short],
    displayName: distro.display,
    releases: distro.releases.map(renderRelease),
    etag: etagOfDistro(distro),
  }
}

function renderRelease(release: Release): ReleaseMessage {
  return {
    release: release.release,
    officialName: release.official,
    codename: release.codename ?? '',
    displayName: release.display ?? '',
    lts: release.lts ?? false,
    prerelease: release.prerelease ?? false,
    endOfLife: release.endOfLife ?? '',
    releaseDate: release.released ?? '',
    etag: etagOfRelease(release),
  }
}

/** Changes when the distro's own words do, whatever becomes of its releases. */
export function etagOfDistro({ id, short, display }: DistroWords): string {
  return etag([id, short, display])
}

/** Changes when anything does that is said of the release. */
export function etagOfRelease(release: Release): string {
  const { official, codename, display, lts, prerelease, released, endOfLife } = release
  return etag([
    ...[release.release, official, codename, display],
    ...[lts === true, prerelease === true, released, endOfLife],
  ])
}

function etag(words: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(words)).slice(0, 16)
}

/** The catalogue as it was sent. */
export function parseCatalogue(message: ListDistrosResponse): Catalogue {
  return {
    defaultArch: archOf(message.defaultArch) ?? 'x86',
    roles: message.roles,
    distros: message.distros.map((distro) => ({
      id: distro.id,
      short: distro.shortNames,
      display: distro.displayName,
      releases: distro.releases.map(toRelease),
    })),
  }
}

/** A release as it was sent, with nothing where a field is empty. */
export function toRelease(message: ReleaseMessage): Release {
  const { release, officialName, codename, displayName, lts, prerelease } = message
  const { releaseDate, endOfLife } = message
  return {
    release,
    official: officialName,
    lts,
    prerelease,
    ...(codename === '' ? {} : { codename }),
    ...(displayName === '' ? {} : { display: displayName }),
    ...(releaseDate === '' ? {} : { released: releaseDate }),
    ...(endOfLife === '' ? {} : { endOfLife }),
  }
}
