import { withMoves } from '../../lib/names/aliases.ts'
import { imageNamed, withImages, type Image, type ImageIndex } from '../../lib/names/images.ts'
import { parseImageName, type ImageName } from '../../lib/names/name.ts'
import type { World } from '../../lib/names/resolve.ts'
import { atOneMoment } from '../db/moment.ts'
import type { Sql } from '../db/open.ts'
import { aliasesBefore, imagesBefore, readClock, type Stood } from './queries.ts'
import { makeWorld, type Snapshot } from './snapshot.ts'

interface Past {
  readonly time: number
  readonly present: Snapshot
  readonly made: Promise<World>
  /** Whether nothing can be added to its history any more. */
  isSettled: boolean
}

const mostKept = 4
/** Who writes history commits within this. */
const settledMs = 60_000

/**
 * The world as of a time, with today's catalogue: the present one, with all undone that changed since. The latest few are
 * kept, and one is made at a time.
 */
export function pastWorlds(sql: Sql): (time: Date, present: Snapshot) => Promise<World> {
  let kept: readonly Past[] = []
  let making: Promise<unknown> = Promise.resolve()
  const begin = (time: Date, present: Snapshot): Past => {
    const made = making.then(() => makePast(sql, time, present))
    const past: Past = {
      time: time.getTime(),
      present,
      made: made.then(({ world }) => world),
      isSettled: false,
    }
    making = made.then(
      ({ isSettled }) => (past.isSettled = isSettled),
      () => (kept = kept.filter((one) => one !== past)),
    )
    return past
  }
  return (time, present) => {
    const past = kept.find((one) => isAbout(one, time, present)) ?? begin(time, present)
    kept = [past, ...kept.filter((one) => one !== past)].slice(0, mostKept)
    return past.made
  }
}

function isAbout(past: Past, time: Date, present: Snapshot): boolean {
  if (past.time !== time.getTime()) return false
  const sameWords = past.present.catalogueGeneration === present.catalogueGeneration
  return past.present === present || (past.isSettled && sameWords)
}

async function makePast(
  sql: Sql,
  time: Date,
  { world, aliases }: Snapshot,
): Promise<{ readonly world: World; readonly isSettled: boolean }> {
  // Times are told to the millisecond and kept to the microsecond: all of that millisecond counts as told.
  const after = new Date(time.getTime() + 1)
  return atOneMoment(sql, async (tx) => {
    const now = await readClock(tx)
    let { images } = world
    for await (const chunk of imagesBefore(tx, after)) {
      const { stood, gone } = undone(chunk, world.images)
      images = withImages(images, world.catalogue, stood, gone)
    }
    const targets = withMoves(aliases, await aliasesBefore(tx, after))
    const isSettled = now.getTime() - time.getTime() > settledMs
    return { world: makeWorld(world.catalogue, images, targets), isSettled }
  })
}

/** The images as they stood then, and those that were not there yet; what is newer than the present one is in neither. */
function undone(
  chunk: readonly Stood[],
  present: ImageIndex,
): { readonly stood: readonly Image[]; readonly gone: readonly ImageName[] } {
  const images = chunk.flatMap(({ name, then }) => {
    const image = imageNamed(present, parseImageName(name))
    return image === undefined ? [] : [{ image, then }]
  })
  return {
    gone: images.flatMap(({ image, then }) => (then === undefined ? [image.name] : [])),
    stood: images.flatMap(({ image, then }) =>
      then === undefined ? [] : [{ ...image, ...then, replacement: then.replacement ?? undefined }],
    ),
  }
}
