import type { Digest } from '../content/digest.ts'
import { renderBuild } from '../names/build.ts'
import { renderLine } from '../names/name.ts'
import { archName } from './incus.ts'
import type { OfferedImage } from './offer.ts'

/** A file of a build, as a stream has it. */
export interface Item {
  readonly ftype: string
  readonly path: string
  readonly size: number
  readonly sha256: Digest
  readonly 'combined_disk-kvm-img_sha256'?: Digest
}

/** A build with its files, by their names. */
export interface Shown {
  readonly image: OfferedImage
  readonly items: Readonly<Record<string, Item>>
}

const contentId = 'merge-image:images'
export const indexPath = 'streams/v1/index.json'
export const imagesPath = 'streams/v1/images.json'

/** What is in the streams: one, of images. */
export function renderIndex(lines: readonly (readonly Shown[])[]): object {
  return {
    format: 'index:1.0',
    updated: updated(lines),
    index: {
      [contentId]: {
        datatype: 'image-downloads',
        format: 'products:1.0',
        path: imagesPath,
        updated: updated(lines),
        products: lines.flatMap(([newest]) =>
          newest === undefined ? [] : [productOf(newest.image)],
        ),
      },
    },
  }
}

/** The builds of each line, the newest first. */
export function renderProducts(lines: readonly (readonly Shown[])[]): object {
  return {
    format: 'products:1.0',
    datatype: 'image-downloads',
    content_id: contentId,
    updated: updated(lines),
    products: Object.fromEntries(
      lines.flatMap(([newest, ...others]) =>
        newest === undefined ? [] : [[productOf(newest.image), renderProduct(newest, others)]],
      ),
    ),
  }
}

function productOf({ fields }: OfferedImage): string {
  return `merge-image:${renderLine(fields)}`
}

function renderProduct(newest: Shown, others: readonly Shown[]): object {
  const { image } = newest
  const { distro, release, role } = image.fields
  const arch = archName(image)
  // Of two points that were built as one build of one day, the newer one is that version.
  const versions = new Map(
    [newest, ...others].reverse().map((shown) => [renderBuild(shown.image.fields.build), shown]),
  )
  return {
    aliases: aliasesOf(image).join(','),
    os: distro,
    release,
    release_title: release,
    version: release,
    variant: role,
    arch,
    // MAAS has kinds of machines within an architecture, and kernels for each.
    subarch: 'generic',
    subarches: 'generic',
    kflavor: 'generic',
    versions: Object.fromEntries(
      [...versions]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([build, shown]) => [build, renderVersion(shown)]),
    ),
  }
}

/** A client takes them for names of the newest build. */
function aliasesOf(image: OfferedImage): string[] {
  const { namespace, distro, release, role } = image.fields
  const owner = namespace === '' ? '' : `${namespace}/`
  const short = role === 'std' ? [`${owner}${distro}-${release}`] : []
  return [...new Set([`${owner}${distro}-${release}-${role}`, ...short, ...image.aliases])]
}

function renderVersion({ image, items }: Shown): object {
  return { label: 'release', pubname: image.name, items }
}

/** When the newest image was made: what did not change is the same bytes. */
function updated(lines: readonly (readonly Shown[])[]): string {
  const times = lines.flat().map(({ image }) => image.createTime.getTime())
  return new Date(Math.max(0, ...times)).toUTCString().replace('GMT', '+0000')
}
