import { parseImageName } from '../../lib/names/name.ts'
import type { Kept, World } from '../../lib/retention/world.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { descendantsOf } from '../images/queries.ts'
import { readNeeds } from './needs.ts'
import { readImages, readLinesOf, type KeptRow } from './queries.ts'

/** All that a plan depends on; of one moment in a transaction that is repeatable read. */
export async function readWorld(sql: Sql | Transaction, now: Date): Promise<World> {
  const images = (await readImages(sql)).map(toKept)
  return { now, images, needs: await readNeeds(sql, now) }
}

/** What the needs of one image depend on: it and what was made of it, with their lines. */
export async function readWorldOf(tx: Transaction, now: Date, name: string): Promise<World> {
  const family = [name, ...(await descendantsOf(tx, name))]
  const images = (await readLinesOf(tx, family)).map(toKept)
  return { now, images, needs: await readNeeds(tx, now, family) }
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
