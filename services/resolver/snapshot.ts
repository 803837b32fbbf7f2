import { setImmediate } from 'node:timers/promises'
import { noAliases, targetOf, withMoves, type AliasTargets } from '../../lib/names/aliases.ts'
import type { Catalogue } from '../../lib/names/catalogue.ts'
import { distroKey, inOrderOf, noImages, withImages } from '../../lib/names/images.ts'
import type { Image, ImageIndex } from '../../lib/names/images.ts'
import { renderAliasName } from '../../lib/names/name.ts'
import type { World } from '../../lib/names/resolve.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql } from '../db/open.ts'
import { changedAliases, changedImages, readHeads, type Heads } from './queries.ts'
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
  return inTurns(async () => {
    const { generation } = await readHeads(sql)
    // A generation that went back is a database that was put back: then nothing known holds.
    if (latest !== undefined && latest.generation > generation) latest = undefined
    if (latest?.generation !== generation) latest = await advance(sql, latest)
    return latest
  })
}

export function makeWorld(catalogue: Catalogue, images: ImageIndex, aliases: AliasTargets): World {
  return { catalogue, images, alias: (name) => targetOf(aliases, renderAliasName(name)) }
}

async function advance(sql: Sql, base: Snapshot | undefined): Promise<Snapshot> {
  const { heads, catalogue, changed, moves } = await readNews(sql, base)
  const before = base?.world.images ?? noImages
  const ordered = base?.world.catalogue === catalogue ? before : inOrderOf(before, catalogue)
  const images = await addImages(ordered, catalogue, changed)
  const aliases = withMoves(base?.aliases ?? noAliases, moves)
  return { ...heads, aliases, world: makeWorld(catalogue, images, aliases) }
}

/** What is new since a snapshot, all as of one moment. */
async function readNews(sql: Sql, base: Snapshot | undefined) {
  const after = base?.generation ?? 0n
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    const [heads, moves] = await Promise.all([readHeads(tx), changedAliases(tx, after)])
    const catalogue =
      base?.catalogueGeneration === heads.catalogueGeneration
        ? base.world.catalogue
        : (await readCatalogue(tx)).catalogue
    const changed: Image[] = []
    for await (const chunk of changedImages(tx, after)) changed.push(...chunk)
    return { heads, catalogue, changed, moves }
  })
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
