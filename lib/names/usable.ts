import { missing, precondition, type Failure } from '../failure.ts'
import { displayName, distroOf, type Catalogue } from './catalogue.ts'
import { eligibility, isPastEndOfLife, type Context } from './eligibility.ts'
import { imagesOfLine, type Image, type ImageIndex } from './images.ts'
import { renderImageName } from './name.ts'
import type { Warning } from './warning.ts'

/** The image that an exact name or an alias means, if it may be used. */
export function usable(
  image: Image,
  images: ImageIndex,
  context: Context & { readonly mayUseRevoked?: boolean },
  sha256: string = image.digest,
): Image {
  const name = renderImageName(image.name)
  if (image.state === 'revoked' && context.mayUseRevoked !== true) {
    throw precondition('REVOKED', `${name} is revoked${instead(image)}`, replacementOf(image))
  }
  if (image.digest !== sha256) {
    throw precondition(
      'DIGEST_MISMATCH',
      `${name} has the digest sha256:${image.digest}, not the one that is pinned: check where the pin comes from`,
    )
  }
  if (image.storage === 'expired') {
    const newest = newestOfLine(image, images, context)
    throw precondition(
      'EXPIRED',
      `${name} has expired and its bytes are gone${newest === undefined ? '' : `; the newest of its line is ${newest}`}`,
      newest === undefined ? {} : { newest },
    )
  }
  if (context.present !== undefined && !context.present(image)) {
    throw notPresent(name, context)
  }
  return image
}

/** What the person should know who uses the image. */
export function warningsAbout(
  image: Image,
  catalogue: Catalogue,
  { now }: Context,
): readonly Warning[] {
  const name = renderImageName(image.name)
  const distro = distroOf(catalogue, image.name.distro)
  const release = distro?.releases.find((one) => one.release === image.name.release)
  const warnings: Warning[] = []
  if (image.state === 'deprecated') {
    warnings.push({ code: 'DEPRECATED', message: `${name} is deprecated${instead(image)}` })
  }
  if (image.state === 'revoked') {
    warnings.push({ code: 'REVOKED', message: `${name} is revoked${instead(image)}` })
  }
  if (image.storage === 'archived') {
    const message = `${name} is in the archive: "mrg-image restore ${name}" brings it back`
    warnings.push({ code: 'ARCHIVED', message })
  }
  if (release !== undefined && isPastEndOfLife(release, now)) {
    const shown = displayName({ ...image.name, point: 0 }, catalogue)
    const message = `${shown} is past its end of life, ${release.endOfLife ?? ''}`
    warnings.push({ code: 'END_OF_LIFE', message })
  }
  return warnings
}

/** The newest of the line that could be found by it; being asked for, its release is as good as named. */
function newestOfLine(image: Image, images: ImageIndex, context: Context): string | undefined {
  const ineligible = eligibility(undefined, new Set(), context)
  const found = imagesOfLine(images, image.name)?.find((other) => ineligible(other) === undefined)
  return found === undefined ? undefined : renderImageName(found.name)
}

function notPresent(name: string, { place }: Context): Failure {
  return place === undefined
    ? missing('NOT_PRESENT', `${name} is not in the store: pull it first`)
    : missing('NOT_PRESENT', `${name} is not whole at ${place}: push it there first`, { name })
}

function instead({ replacement }: Image): string {
  return replacement === undefined ? '' : `; use ${replacement} instead`
}

function replacementOf({ replacement }: Image): { readonly replacement?: string } {
  return replacement === undefined ? {} : { replacement }
}
