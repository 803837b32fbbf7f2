import { distroOf, type Catalogue } from './catalogue.ts'
import { renderLine, type ImageName } from './name.ts'
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

/** The images of one distro in one namespace. */
export interface DistroImages {
  /** Lines of newer releases first. */
  readonly lines: readonly LineImages[]
  readonly byLine: ReadonlyMap<string, LineImages>
}

/** Images as resolution looks for them. It never changes: a change makes another, which shares with it what stayed. */
export interface ImageIndex {
  /** By namespace and distro. */
  readonly byDistro: ReadonlyMap<string, DistroImages>
  /** The roles that occur in a namespace. */
  readonly roles: ReadonlyMap<string, ReadonlySet<string>>
}

/** What becomes of an image: as it is now, or gone. */
interface Change {
  readonly name: ImageName
  readonly image: Image | undefined
}

export const noImages: ImageIndex = { byDistro: new Map(), roles: new Map() }

export function indexImages(images: readonly Image[], catalogue: Catalogue): ImageIndex {
  return withImages(noImages, catalogue, images)
}

/** The index with some images added or replaced, and others gone. What that costs depends on their lines alone. */
export function withImages(
  index: ImageIndex,
  catalogue: Catalogue,
  images: readonly Image[],
  gone: readonly ImageName[] = [],
): ImageIndex {
  const changes: readonly Change[] = [
    ...images.map((image) => ({ name: image.name, image })),
    ...gone.map((name) => ({ name, image: undefined })),
  ]
  const byDistro = new Map(index.byDistro)
  const regrouped = new Set<string>()
  for (const [key, ofDistro] of Map.groupBy(changes, ({ name }) => distroKey(name))) {
    const { isRegrouped, ...after } = changedDistro(byDistro.get(key), ofDistro, catalogue)
    if (isRegrouped) regrouped.add(namespaceOf(key))
    if (after.lines.length === 0) byDistro.delete(key)
    else byDistro.set(key, after)
  }
  if (regrouped.size === 0) return { byDistro, roles: index.roles }
  return { byDistro, roles: withRoles(index.roles, byDistro, regrouped) }
}

/** The same images in the order of another catalogue. */
export function inOrderOf(index: ImageIndex, catalogue: Catalogue): ImageIndex {
  const entries = [...index.byDistro].map(([key, { byLine }]) => [key, distro(byLine, catalogue)])
  return { byDistro: new Map(entries as [string, DistroImages][]), roles: index.roles }
}

/** The images of a line, newest first. */
export function imagesOfLine(index: ImageIndex, name: ImageName): LineImages | undefined {
  return index.byDistro.get(distroKey(name))?.byLine.get(renderLine(name))
}

/** The image of this exact name. */
export function imageNamed(index: ImageIndex, name: ImageName): Image | undefined {
  const images: readonly Image[] = imagesOfLine(index, name) ?? []
  let [from, to] = [0, images.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    const image = images[middle]
    if (image === undefined) return undefined
    const order = compareWithinLine(image.name, name)
    if (order === 0) return image
    if (order > 0) from = middle + 1
    else to = middle
  }
  return undefined
}

export function distroKey({ namespace, distro }: Pick<ImageName, 'namespace' | 'distro'>): string {
  return `${namespace}/${distro}`
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'))
}

function changedDistro(
  before: DistroImages | undefined,
  changes: readonly Change[],
  catalogue: Catalogue,
): DistroImages & { readonly isRegrouped: boolean } {
  const byLine = new Map(before?.byLine)
  const changed = new Map<LineImages, LineImages>()
  let isRegrouped = false
  for (const [line, ofLine] of Map.groupBy(changes, ({ name }) => renderLine(name))) {
    const old = byLine.get(line)
    const images = changedLine(old ?? [], ofLine)
    if (images === undefined) byLine.delete(line)
    else byLine.set(line, images)
    if (old !== undefined && images !== undefined) changed.set(old, images)
    else isRegrouped = true
  }
  if (isRegrouped) return { ...distro(byLine, catalogue), isRegrouped }
  const lines = before?.lines.map((line) => changed.get(line) ?? line) ?? []
  return { byLine, lines, isRegrouped }
}

/** Merges changes into a line; of several changes of one image the last holds. */
function changedLine(before: readonly Image[], changes: readonly Change[]): LineImages | undefined {
  const newestFirst = changes.toSorted((a, b) => compareWithinLine(b.name, a.name))
  const after: Image[] = []
  let at = 0
  for (const [i, { name, image }] of newestFirst.entries()) {
    const next = newestFirst[i + 1]
    if (next !== undefined && compareWithinLine(next.name, name) === 0) continue
    let old = before[at]
    while (old !== undefined && compareWithinLine(old.name, name) > 0) {
      after.push(old)
      old = before[++at]
    }
    if (old !== undefined && compareWithinLine(old.name, name) === 0) at++
    if (image !== undefined) after.push(image)
  }
  const [first, ...rest] = [...after, ...before.slice(at)]
  return first === undefined ? undefined : [first, ...rest]
}

function distro(byLine: ReadonlyMap<string, LineImages>, catalogue: Catalogue): DistroImages {
  const lines = [...byLine].sort(
    ([lineA, [{ name: a }]], [lineB, [{ name: b }]]) =>
      compareReleases(b.release, a.release, distroOf(catalogue, a.distro)) ||
      (lineA < lineB ? -1 : 1),
  )
  return { byLine, lines: lines.map(([, images]) => images) }
}

function withRoles(
  before: ImageIndex['roles'],
  byDistro: ImageIndex['byDistro'],
  namespaces: ReadonlySet<string>,
): ImageIndex['roles'] {
  const roles = new Map(before)
  for (const namespace of namespaces) roles.delete(namespace)
  const found = new Map<string, Set<string>>()
  for (const { lines } of byDistro.values()) {
    for (const [{ name }] of lines) {
      if (!namespaces.has(name.namespace)) break
      const known = found.get(name.namespace)
      if (known === undefined) found.set(name.namespace, new Set([name.role]))
      else known.add(name.role)
    }
  }
  for (const [namespace, known] of found) roles.set(namespace, known)
  return roles
}
