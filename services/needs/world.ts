import { parseImageName } from '../../lib/names/name.ts'
import type { Kept, World } from '../../lib/retention/world.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { descendantsOf } from '../images/queries.ts'
import { readNeeds } from './needs.ts'
import { readCustom, readImages, readLinesOf, type KeptRow } from './queries.ts'

/** All that a plan depends on; of one moment in a transaction that is repeatable read. */
export async function readWorld(sql: Sql | Transaction, now: Date): Promise<World> {
  const images: Kept[] = []
  for await (const rows of readImages(sql)) images.push(...rows.map(toKept))
  return { now, images, needs: await readNeeds(sql, now) }
}

/** What the needs of one image depend on: it and what was made of it, with their lines. */
export async function readWorldOf(sql: Sql | Transaction, now: Date, name: string): Promise<World> {
  const family = [name, ...(await descendantsOf(sql, name))]
  const images = (await readLinesOf(sql, family)).map(toKept)
  return { now, images, needs: await readNeeds(sql, now, family) }
}

/** What a plan's judgement of one image depends on: the same, and with a facility's own image all others of that facility. */
export async function readWorldFor(tx: Transaction, now: Date, name: string): Promise<World> {
  const near = await readWorldOf(tx, now, name)
  const self = near.images.find((image) => image.name === name)
  if (self?.expires === undefined) return near
  const own = await readCustom(tx, self.parsed.namespace)
  const world = new Set(near.images.map((image) => image.name))
  const more = own.filter((row) => !world.has(row.name)).map(toKept)
  const needs = await readNeeds(tx, now, [...world, ...more.map((image) => image.name)])
  return { now, images: [...near.images, ...more], needs }
}

function toKept({ name, used, expires, parent, ...row }: KeptRow): Kept {
  return {
    ...row,
    name,
    parsed: parseImageName(name),
    used: used ?? undefined,
    expires: expires ?? undefined,
    parent: parent ?? undefined,
  }
}
