import { readImageName } from '../../lib/names/name.ts'
import { readRecipe } from '../../lib/recipes/parse.ts'
import type { Need } from '../../lib/retention/world.ts'
import type { Sql, Transaction } from '../db/open.ts'
import {
  readAliases,
  readFacilities,
  readHolds,
  readMoves,
  readOpenBuilds,
  type HeldRow,
  type Names,
  type OpenBuildRow,
} from './queries.ts'

/**
 * What needs each image, by its name, as far as the images themselves do not say it: lib/retention/needs.ts adds that it is the newest of
 * its line and what was made of it. Holds of an image are one need, however many they are.
 */
export async function readNeeds(
  sql: Sql | Transaction,
  now: Date,
  names?: Names,
): Promise<ReadonlyMap<string, readonly Need[]>> {
  const needs = new Map<string, Need[]>()
  const add = (image: string, kind: Need['kind'], name: string, message: string): void => {
    keep(needs, image, { kind, name, message, until: undefined })
  }
  for (const held of await readHolds(sql, now, names)) keep(needs, held.image, holdNeed(held))
  for (const { image, name, isNow } of await readAliases(sql, names)) {
    add(image, 'alias', name, `the alias ${name} ${isNow ? pointsNow : pointedBefore}`)
  }
  for (const { image, name, fetches } of await readFacilities(sql, names)) {
    if (fetches) add(image, 'transfer', name, `${name} fetches it`)
    else add(image, 'facility', name, `${name} should have it`)
  }
  for (const { image, name } of await readMoves(sql, names)) {
    add(image, 'transfer', name, `its bytes are on their way ${ways[name]}`)
  }
  for (const build of await readOpenBuilds(sql, names)) {
    for (const [image, message] of neededBy(build)) {
      if (names?.includes(image) !== false) add(image, 'build', build.name, message)
    }
  }
  return needs
}

const pointsNow = 'points at it'
const pointedBefore = 'pointed at it before, and a roll-back leads there'
const ways = { archive: 'to the archive', restore: 'back from the archive' } as const

function keep(needs: Map<string, Need[]>, image: string, need: Need): void {
  const before = needs.get(image)
  if (before === undefined) needs.set(image, [need])
  else before.push(need)
}

function holdNeed({ id, count, owner, reason, until }: HeldRow): Need {
  const why = reason.trim() === '' ? '' : `: ${reason.trim().replace(/\.$/, '')}`
  const who = count === 1 ? `${owner} holds it` : `${count} holds, the newest by ${owner}`
  return { kind: 'hold', name: id, message: `${who}${why}`, until: until ?? undefined }
}

/** A parent that is not named exactly is what an alias points at or the newest of a line, which stay by themselves. */
function* neededBy({ name, text, former }: OpenBuildRow): Generator<readonly [string, string]> {
  const parent = exactParentOf(text)
  if (parent !== undefined) yield [parent, `the build ${name} is made of it`]
  if (former !== null) yield [former, `the build ${name} is compared with it`]
}

/** The image that a recipe names exactly as the one that it is made of. */
export function exactParentOf(text: string): string | undefined {
  const read = readRecipe(text)
  const parent = 'recipe' in read ? read.recipe.parent?.toLowerCase() : undefined
  return parent !== undefined && readImageName(parent) !== undefined ? parent : undefined
}
