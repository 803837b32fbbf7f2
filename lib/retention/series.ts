import { compareWithinLine } from '../names/order.ts'
import { monthOf, quarterOf } from './calendar.ts'
import { isCurrent } from './needs.ts'
import type { Kept } from './world.ts'

/** What the images of a line are among each other, those that are released, not held back, and there. */
export interface Series {
  /** 0 for the newest; undefined for one that does not count. */
  readonly rank: (image: Kept) => number | undefined
  readonly isNewestOfMonth: (image: Kept) => boolean
  readonly isNewestOfQuarter: (image: Kept) => boolean
}

export function seriesOf(line: readonly Kept[]): Series {
  const current = line
    .filter((image) => isCurrent(image) && image.storage === 'present')
    .toSorted((a, b) => compareWithinLine(b.parsed, a.parsed))
  const ranks = new Map(current.map((image, rank) => [image.name, rank]))
  const months = firstOfEach(current, ({ published }) => monthOf(published))
  const quarters = firstOfEach(current, ({ published }) => quarterOf(published))
  return {
    rank: ({ name }) => ranks.get(name),
    isNewestOfMonth: ({ name }) => months.has(name),
    isNewestOfQuarter: ({ name }) => quarters.has(name),
  }
}

/** The names of the first image of each period, in their order. */
function firstOfEach(
  images: readonly Kept[],
  periodOf: (image: Kept) => number,
): ReadonlySet<string> {
  const first = new Map<number, string>()
  for (const image of images) {
    const period = periodOf(image)
    if (!first.has(period)) first.set(period, image.name)
  }
  return new Set(first.values())
}
