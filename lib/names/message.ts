import type {
  Distro as DistroMessage,
  ListDistrosResponse,
} from '../../proto/gen/merge/image/v1/catalog.ts'
import { archOf, type Catalogue, type Distro } from './catalogue.ts'

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
    releases: distro.releases.map((release) => ({
      release: release.release,
      officialName: release.official,
      codename: release.codename ?? '',
      displayName: release.display ?? '',
      lts: release.lts ?? false,
      prerelease: release.prerelease ?? false,
      endOfLife: release.endOfLife ?? '',
    })),
  }
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
      releases: distro.releases.map((release) => ({
        release: release.release,
        official: release.officialName,
        lts: release.lts,
        prerelease: release.prerelease,
        ...(release.codename === '' ? {} : { codename: release.codename }),
        ...(release.displayName === '' ? {} : { display: release.displayName }),
        ...(release.endOfLife === '' ? {} : { endOfLife: release.endOfLife }),
      })),
    })),
  }
}
