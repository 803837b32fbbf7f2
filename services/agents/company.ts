import { createHash } from 'node:crypto'

// Who is told of whom. A thousand facilities that fetch one image would each be told of a thousand others, again whenever
// one of them is done; so each hears of some, chosen so that the choice hardly changes as others come and go.

/** Of how many others that have an image a facility is told at most. */
export const mostHolders = 16
/** So many who fetch an image share it at first; groups grow to twice that before they are parted. */
export const groupSize = 16

/**
 * For each facility those of the others that have the image: all if they are few, or else those that come next after it on the
 * circle of places, and the image's home.
 */
export function neighbours(
  holders: readonly string[],
  home?: string,
): (facility: string) => readonly string[] {
  if (holders.length <= mostHolders + 1) {
    return (facility) => holders.filter((name) => name !== facility)
  }
  const circle = holders.toSorted((a, b) => placeOf(a) - placeOf(b))
  return (facility) => {
    const first = firstAfter(circle, placeOf(facility))
    const next = circle.slice(first, first + mostHolders + 1)
    const around = circle.slice(0, mostHolders + 1 - next.length)
    const near = [...next, ...around].filter((name) => name !== facility).slice(0, mostHolders)
    const homes = holders.filter((name) => name === home && name !== facility)
    return [...new Set([...near, ...homes])].sort()
  }
}

/** Where on the circle the first stands that is not before the place. */
function firstAfter(circle: readonly string[], place: number): number {
  let [low, high] = [0, circle.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (placeOf(circle[middle] ?? '') < place) low = middle + 1
    else high = middle
  }
  return low % circle.length
}

/**
 * The groups in which an image is fetched: each facility is told of its own, and so are all the others in it, so that they agree on
 * who fetches which part from the portal.
 */
export function groupsOf(fetchers: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const parts = partsFor(fetchers.length)
  const members = Map.groupBy(fetchers, (name) => placeOf(name) % parts)
  return new Map(fetchers.map((name) => [name, members.get(placeOf(name) % parts) ?? []]))
}

/** A power of two, so that two groups become one as others are done, and one becomes two, and the rest stay as they are. */
function partsFor(count: number): number {
  let parts = 1
  while (count / parts >= 2 * groupSize) parts *= 2
  return parts
}

const places = new Map<string, number>()

/** Where a facility stands on a circle of 2³² places: the same for ever, and for all portals. */
function placeOf(facility: string): number {
  const known = places.get(facility)
  if (known !== undefined) return known
  const place = createHash('sha256').update(facility).digest().readUInt32BE()
  places.set(facility, place)
  return place
}
