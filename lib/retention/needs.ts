import { compareWithinLine } from '../names/order.ts'
import { renderLine } from '../names/name.ts'
import type { Kept, Need, World } from './world.ts'

/**
 * All that needs each image: what the world says, that it is the newest of its line, and that something made of it is needed. A
 * line never loses its newest image, whatever its age.
 */
export function allNeeds({ images, needs, now }: World): ReadonlyMap<string, readonly Need[]> {
  const all = new Map<string, Need[]>()
  for (const [name, some] of needs) all.set(name, [...some])
  const add = (name: string, need: Need): void => {
    const before = all.get(name)
    if (before === undefined) all.set(name, [need])
    else before.push(need)
  }
  for (const [line, image] of newestOfLines(images, now)) {
    const message = `it is the newest released image of ${line}`
    add(image.name, { kind: 'line', name: line, message, until: undefined })
  }
  const parents = new Map(
    images.map(({ name, parent, storage }) => [name, storage === 'expired' ? undefined : parent]),
  )
  for (const child of [...all.keys()]) {
    const parent = parents.get(child)
    if (parent !== undefined) needUpwards(child, parent, parents, add)
  }
  return all
}

/** As far as an image's ancestors are followed elsewhere. */
const mostAncestors = 64

/** A needed image needs those that it was made of, as far up as they go. */
function needUpwards(
  child: string,
  parent: string,
  parents: ReadonlyMap<string, string | undefined>,
  add: (name: string, need: Need) => void,
): void {
  const seen = new Set([child])
  let above: string | undefined = parent
  while (above !== undefined && !seen.has(above) && seen.size < mostAncestors) {
    const message = `${child}, which was made of it, is needed`
    add(above, { kind: 'descendant', name: child, message, until: undefined })
    seen.add(above)
    above = parents.get(above)
  }
}

/**
 * The newest released image of each line that is not gone, by the line. A facility's own image has its time from whoever made it:
 * once that is over, it is the newest of nothing.
 */
function newestOfLines(images: readonly Kept[], now: Date): ReadonlyMap<string, Kept> {
  const newest = new Map<string, Kept>()
  for (const image of images) {
    if (image.storage === 'expired' || !isCurrent(image) || isPastItsTime(image, now)) continue
    const line = renderLine(image.parsed)
    const before = newest.get(line)
    if (before === undefined || compareWithinLine(image.parsed, before.parsed) > 0) {
      newest.set(line, image)
    }
  }
  return newest
}

/** Whether it may be the newest of its line at all. */
export function isCurrent({ state, heldBack }: Kept): boolean {
  return state === 'released' && !heldBack
}

/** Whether the time of a facility's own image is over. */
export function isPastItsTime({ expires }: Kept, now: Date): boolean {
  return expires !== undefined && expires <= now
}
