import type { Manifest } from '../content/manifest.ts'
import { ImageState, type Image, type Provenance } from '../../proto/gen/merge/image/v1/image.ts'
import type { Package } from '../../proto/gen/merge/image/v1/upload.ts'
import type { About } from './parse.ts'

// The member image.json; docs/format.md is the specification.

export const portableFormat = 'merge-image'
export const portableVersion = 1

/** The one spelling of it. */
export function renderAbout(about: About): Buffer {
  return Buffer.from(`${JSON.stringify(about, null, 1)}\n`)
}

/** What is to be said of an image. */
export function aboutOf(image: Image, { manifest, parentDigest, packages }: Known): About {
  const { name, digest, displayName, createTime, creator, notes, parent, provenance } = image
  return {
    format: portableFormat,
    version: portableVersion,
    ...{ name, digest, displayName },
    state: stateOf(image),
    createTime: createTime?.toISOString() ?? '',
    ...{ creator, notes },
    parent: parent === '' ? null : { name: parent, digest: parentDigest },
    artifacts: manifest.artifacts.map(({ kind, boot, mediaType, sizeBytes, sha256 }) => {
      return { kind, boot, mediaType, sizeBytes, sha256: `sha256:${sha256}` }
    }),
    provenance: provenance === undefined ? null : provenanceOf(provenance),
    packages: packages.map(({ name, version }) => ({ name, version })),
  }
}

/** What is known of an image beside it. */
export interface Known {
  readonly manifest: Manifest
  /** `sha256:<hex>` of the image that it was made of; empty where that is not known. */
  readonly parentDigest: string
  readonly packages: readonly Package[]
}

function stateOf({ state }: Image): About['state'] {
  switch (state) {
    case ImageState.IMAGE_STATE_RELEASED:
      return 'released'
    case ImageState.IMAGE_STATE_DEPRECATED:
      return 'deprecated'
    case ImageState.IMAGE_STATE_REVOKED:
      return 'revoked'
    case ImageState.IMAGE_STATE_CANDIDATE:
    case ImageState.IMAGE_STATE_UNSPECIFIED:
    case ImageState.UNRECOGNIZED:
      return 'candidate'
  }
}

function provenanceOf(made: Provenance): NonNullable<About['provenance']> {
  const { build, recipe, recipeVersion, builder, inputsDigest, logDigest, link } = made
  return {
    ...{ build, recipe, recipeVersion, builder, inputsDigest },
    startTime: made.startTime?.toISOString() ?? '',
    endTime: made.endTime?.toISOString() ?? '',
    ...{ logDigest, link },
  }
}
