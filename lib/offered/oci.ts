import { sha256, type Digest } from '../content/digest.ts'
import { renderBuild } from '../names/build.ts'
import { archName } from './incus.ts'
import { fileName, type Forms, type OfferedFile, type OfferedImage } from './offer.ts'

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
export const configType = 'application/vnd.oci.image.config.v1+json'
const artifactType = 'application/vnd.merge.image.v1'

/** A blob as a manifest names it. */
interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
}

/** An image as an OCI artifact, whose layers are its files: root file systems as zstd, the others as they are. */
export interface Artifact {
  readonly config: Buffer
  readonly manifest: Buffer
  readonly digest: Digest
}

export function renderArtifact(image: OfferedImage, { zstd }: Pick<Forms, 'zstd'>): Artifact {
  const config = encode(renderConfig(image))
  const layers = image.files.map((file) => renderLayer(file, zstd[fileName(file)]))
  const manifest = encode({
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType,
    config: { mediaType: configType, digest: `sha256:${sha256(config)}`, size: config.length },
    layers,
    annotations: {
      'org.opencontainers.image.title': image.name,
      'org.opencontainers.image.version': renderBuild(image.fields.build),
      'org.opencontainers.image.created': image.createTime.toISOString(),
      'merge.image.name': image.name,
      'merge.image.digest': `sha256:${image.digest}`,
    },
  })
  return { config, manifest, digest: sha256(manifest) }
}

/** A layer whose zstd is not known is the file as it is. */
function renderLayer(file: OfferedFile, zstd: Forms['zstd'][string] | undefined): Descriptor {
  const { mediaType, sizeBytes: size, sha256: digest } = file
  const title = (name: string) => ({ 'org.opencontainers.image.title': name })
  if (zstd === undefined) {
    return { mediaType, digest: `sha256:${digest}`, size, annotations: title(fileName(file)) }
  }
  return {
    mediaType: `${mediaType}+zstd`,
    digest: `sha256:${zstd.sha256}`,
    size: zstd.sizeBytes,
    annotations: title(`${fileName(file)}.zst`),
  }
}

/** What tools for containers look at; a layer's own digest is that of the file within. */
function renderConfig(image: OfferedImage): object {
  return {
    created: image.createTime.toISOString(),
    architecture: archName(image),
    os: 'linux',
    config: { Labels: { 'merge.image.name': image.name } },
    rootfs: {
      type: 'layers',
      diff_ids: image.files.map(({ sha256: digest }) => `sha256:${digest}`),
    },
  }
}

/** What the images of a line are called, the newest first in the list; a tag means one of them. */
export function tagsOf(images: readonly OfferedImage[]): Map<string, OfferedImage> {
  const tags = new Map<string, OfferedImage>()
  const put = (tag: string, image: OfferedImage): void => {
    if (isTag.test(tag) && !tags.has(tag)) tags.set(tag, image)
  }
  for (const image of images) put(exactTag(image), image)
  for (const image of images) put(renderBuild(image.fields.build), image)
  const newest = images.find(({ heldBack }) => !heldBack)
  if (newest !== undefined) put('latest', newest)
  for (const image of images) {
    for (const alias of image.aliases) put(alias.slice(alias.indexOf('/') + 1), image)
  }
  return new Map([...tags].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const isTag = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

/** `2404.4-20260615`: what the line leaves open of an exact name. */
function exactTag({ fields: { release, point, build } }: OfferedImage): string {
  return `${release}.${point}-${renderBuild(build)}`
}

function encode(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}
