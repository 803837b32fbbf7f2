import { distroOf, type Catalogue } from './catalogue.ts'
import { renderImageName, renderLine, type ImageName } from './name.ts'
import { compareReleases, compareWithinLine } from './order.ts'

/** What resolution has to know of an image. */
export interface Image {
  readonly name: ImageName
  /** 64 hex digits. */
  readonly digest: string
  readonly state: 'candidate' | 'released' | 'deprecated' | 'revoked'
  readonly storage: 'present' | 'archived' | 'expired'
  /** Not to be found as "the newest". */
  readonly heldBack: boolean
  /** The exact name of the image to use instead of this one. */
  readonly replacement?: string | undefined
}

/** Images of one line, newest first; there is at least one. */
export type LineImages = readonly [Image, ...Image[]]

/** Images as resolution looks for them; made once for each state of the world. */
export interface ImageIndex {
  readonly byName: ReadonlyMap<string, Image>
  /** By namespace and distro; lines of newer releases first. */
  readonly byDistro: ReadonlyMap<string, readonly LineImages[]>
  readonly byLine: ReadonlyMap<string, LineImages>
  /** The roles that occur in a namespace. */
  readonly roles: ReadonlyMap<string, ReadonlySet<string>>
}

export function indexImages(images: Iterable<Image>, catalogue: Catalogue): ImageIndex {
  const byName = new Map<string, Image>()
  const byLine = new Map<string, [Image, ...Image[]]>()
  const roles = new Map<string, Set<string>>()
  for (const image of images) {
    const { name } = image
    byName.set(renderImageName(name), image)
    const line = renderLine(name)
    const others = byLine.get(line)
    if (others === undefined) byLine.set(line, [image])
    else others.push(image)
    const known = roles.get(name.namespace)
    if (known === undefined) roles.set(name.namespace, new Set([name.role]))
    else known.add(name.role)
  }
  for (const line of byLine.values()) line.sort((a, b) => compareWithinLine(b.name, a.name))
  return { byName, byLine, roles, byDistro: groupLines(byLine.values(), catalogue) }
}

export function distroKey({ namespace, distro }: Pick<ImageName, 'namespace' | 'distro'>): string {
  return `${namespace}/${distro}`
}

function groupLines(
  lines: Iterable<LineImages>,
  catalogue: Catalogue,
): ReadonlyMap<string, readonly LineImages[]> {
  const groups = Map.groupBy(lines, ([image]) => distroKey(image.name))
  for (const group of groups.values()) {
    group.sort(
      ([{ name: a }], [{ name: b }]) =>
        compareReleases(b.release, a.release, distroOf(catalogue, a.distro)) ||
        (renderLine(a) < renderLine(b) ? -1 : 1),
    )
  }
  return groups
}
