import { indexImages } from '../../lib/names/images.ts'
import { parseImageName, renderAliasName } from '../../lib/names/name.ts'
import type { World } from '../../lib/names/resolve.ts'
import { readCatalogue, readGeneration } from '../catalog/queries.ts'
import type { Sql } from '../db/open.ts'
import type { ImageRow } from '../images/queries.ts'

/** Everything that a reference can mean, with the generation that it is of. */
export interface WorldAt {
  readonly generation: bigint
  readonly world: World
}

type WorldRow = Pick<ImageRow, 'name' | 'digest' | 'state' | 'storage' | 'heldBack' | 'replacement'>

/** The world now, read again only when its generation has changed: never older than an acknowledged write. */
export function worldSnapshot(sql: Sql): () => Promise<WorldAt> {
  let reading: Promise<WorldAt> | undefined
  let latest: WorldAt | undefined
  return async () => {
    const generation = await readGeneration(sql)
    if (latest !== undefined && latest.generation >= generation) return latest
    const fresh = await (reading ??= readWorld(sql).finally(() => (reading = undefined)))
    if (latest === undefined || fresh.generation > latest.generation) latest = fresh
    // A read that began before the change may have been joined: then it is read once more.
    return fresh.generation >= generation ? fresh : readWorld(sql)
  }
}

async function readWorld(sql: Sql): Promise<WorldAt> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    const { catalogue, generation } = await readCatalogue(tx)
    const images = await tx<WorldRow[]>`
      select name, encode(digest, 'hex') as digest, state, storage, held_back, replacement
      from image join manifest on manifest.id = image.manifest`
    const aliases = await tx<{ name: string; image: string }[]>`select name, image from alias`
    const pointers = new Map(aliases.map(({ name, image }) => [name, image]))
    const parsed = images.map((row) => ({
      ...row,
      name: parseImageName(row.name),
      replacement: row.replacement ?? undefined,
    }))
    return {
      generation,
      world: {
        catalogue,
        images: indexImages(parsed, catalogue),
        alias: (name) => pointers.get(renderAliasName(name)),
      },
    }
  })
}
