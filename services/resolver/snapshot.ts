import { setImmediate } from 'node:timers/promises'
import { noAliases, targetOf, withMoves, type AliasTargets } from '../../lib/names/aliases.ts'
import type { Catalogue } from '../../lib/names/catalogue.ts'
import { distroKey, inOrderOf, noImages, withImages } from '../../lib/names/images.ts'
import type { Image, ImageIndex } from '../../lib/names/images.ts'
import { renderAliasName } from '../../lib/names/name.ts'
import type { World } from '../../lib/names/resolve.ts'
import { readCatalogue } from '../catalog/queries.ts'
import { atOneMoment } from '../db/moment.ts'
import type { Sql } from '../db/open.ts'
import { changedAliases, changedImages, readHeads, readNews, type Heads } from './queries.ts'
import { inTurns } from './turns.ts'

/** Everything that a reference can mean, with the generation that it is of. It never changes. */
export interface Snapshot extends Heads {
  readonly world: World
  readonly aliases: AliasTargets
}

/**
 * The world now, in memory: never older than a change that was acknowledged before it was asked for, whichever portal made
 * it. Each call learns the generation, calls at a time together, and only what changed since the last one is read.
 */
export function followWorld(sql: Sql): () => Promise<Snapshot> {
  let latest: Snapshot | undefined
  const head = inTurns(() => readHeads(sql), { lanes: 4, most: 16 })
  const next = inTurns(async () => (latest = await advance(sql, latest)))
  return async () => {
    const { generation } = await head()
    return latest?.generation === generation ? latest : next()
  }
}

export function makeWorld(catalogue: Catalogue, images: ImageIndex, aliases: AliasTargets): World {
  return { catalogue, images, alias: (name) => targetOf(aliases, renderAliasName(name)) }
}

async function advance(sql: Sql, base: Snapshot | undefined): Promise<Snapshot> {
  if (base === undefined) return readOn(sql, undefined)
  const news = await readNews(sql, base.generation)
  if (news?.generation === base.generation) return base
  const sameWords = news?.catalogueGeneration === base.catalogueGeneration
  if (news === undefined || news.generation < base.generation || !sameWords) {
    return readOn(sql, base)
  }
  const { images, moves, ...heads } = news
  const { catalogue } = base.world
  const aliases = withMoves(base.aliases, moves)
  const index = withImages(base.world.images, catalogue, images)
  return { ...heads, aliases, world: makeWorld(catalogue, index, aliases) }
}

/** Reads more than a few changes: all of them, or those of the catalogue too. */
async function readOn(sql: Sql, known: Snapshot | undefined): Promise<Snapshot> {
  const after = known?.generation ?? 0n
  const read = await atOneMoment(sql, async (tx) => {
    const [heads, moves] = await Promise.all([readHeads(tx), changedAliases(tx, after)])
    const { catalogue } = await readCatalogue(tx)
    const changed: Image[] = []
    for await (const chunk of changedImages(tx, after)) changed.push(...chunk)
    return { heads, moves, catalogue, changed }
  })
  const { heads, moves, catalogue, changed } = read
  // A generation that went back is a database that was put back: then nothing known holds.
  if (heads.generation < after) return readOn(sql, undefined)
  const ordered = inOrderOf(known?.world.images ?? noImages, catalogue)
  const images = await addImages(ordered, catalogue, changed)
  const aliases = withMoves(known?.aliases ?? noAliases, moves)
  return { ...heads, aliases, world: makeWorld(catalogue, images, aliases) }
}

/** Distro by distro, so that the first reading of a large world leaves others their turn. */
async function addImages(
  index: ImageIndex,
  catalogue: Catalogue,
  changed: readonly Image[],
): Promise<ImageIndex> {
  const [first = [], ...rest] = Map.groupBy(changed, ({ name }) => distroKey(name)).values()
  let images = withImages(index, catalogue, first)
  for (const ofDistro of rest) {
    await setImmediate()
    images = withImages(images, catalogue, ofDistro)
  }
  return images
}
